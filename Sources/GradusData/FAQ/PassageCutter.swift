/// Cuts a section into passages of about 60 to 120 words that end where a sentence ends.
///
///     PassageCutter().passages(of: section.units)   // ["First sentence. Second ...", "..."]
///
/// A section of up to 120 words is one passage. A longer one is cut into equal parts as far as sentences allow; a single
/// sentence of more than 120 words stays whole.
struct PassageCutter {
  var minWords = 60
  var maxWords = 120
  /// Passages with fewer words are dropped: "Yes." answers nothing that stands alone.
  var leastWords = 8

  func passages(of units: [PageSection.Unit]) -> [String] {
    let total = units.reduce(0) { $0 + $1.words }
    let aimed = (minWords + maxWords) / 2
    let parts = total <= maxWords ? 1 : max(2, (total + aimed / 2) / aimed)

    var passages: [String] = []
    var open: [PageSection.Unit] = []
    var openWords = 0
    var doneWords = 0
    func close() {
      let prose = open.reduce(0) { $0 + ($1.isCode ? 0 : $1.words) }
      if prose >= leastWords { passages.append(open.map(\.text).joined(separator: " ")) }
      doneWords += openWords
      open = []
      openWords = 0
    }
    for unit in units {
      // The end of this part on the section's ruler; parts * boundary == total.
      let boundary = Double(total) * Double(passages.count + 1) / Double(parts)
      let middle = Double(doneWords + openWords) + Double(unit.words) / 2
      let isFull = openWords + unit.words > maxWords || (parts > 1 && middle > boundary && openWords >= minWords / 2)
      if isFull && openWords > 0 { close() }
      open.append(unit)
      openWords += unit.words
    }
    if openWords > 0 { close() }
    return passages
  }
}
