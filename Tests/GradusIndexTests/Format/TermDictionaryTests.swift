import GradusCore
@testable import GradusIndex
import Testing

@Suite("The packed term dictionary")
struct TermDictionaryTests {
  /// A dictionary in a file, from the bytes of its sections.
  private static func dictionary(
    _ folder: TemporaryFolder, terms: Int, _ write: (SectionFileWriter) throws -> Void
  ) throws -> (TermDictionary, SectionFile) {
    let path = folder.path("dictionary")
    let writer = try SectionFileWriter(path: path, kind: .postings, calls: .posix)
    try write(writer)
    let file = try SectionFile(path: path, kind: .postings, expectedBytes: try writer.finish())
    return (try TermDictionary(file, terms: terms), file)
  }

  @Test("Every term is found with its numbers, whatever bytes they take", arguments: [0, 1, 9, 300, 70_000])
  func numbers(count: Int) throws {
    let folder = try TemporaryFolder()
    let terms = (0..<count).map { "term\($0)" }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    var writer = TermDictionaryWriter()
    func entry(_ number: Int) -> (documents: Int, occurrences: UInt64, list: UInt64) {
      if number % 3 == 0 { return (1, UInt64(1 + number % 700), UInt64(number)) }
      return (2 + number % 300, UInt64(9 * number + 400), UInt64(5 * number))
    }
    for (number, term) in terms.enumerated() {
      let (documents, occurrences, list) = entry(number)
      Array(term.utf8).withUnsafeBufferPointer {
        writer.append($0, documents: documents, occurrences: occurrences, list: list)
      }
    }
    let (dictionary, file) = try Self.dictionary(folder, terms: count) { try writer.write(to: $0) }
    #expect(dictionary.count == count)
    for (number, term) in terms.enumerated() {
      #expect(try Self.find(term, dictionary) == number)
      let found = dictionary[number], (documents, occurrences, list) = entry(number)
      #expect(Int(found.documentFrequency) == documents && found.collectionFrequency == occurrences)
      // Of a term in one document, the document and its frequency.
      #expect(found.postings == (documents == 1 ? list | occurrences << 32 : list))
      #expect(try Array(dictionary.bytes(of: found)) == Array(term.utf8))
    }
    for unknown in ["", "term", "term70000", "other"] { #expect(try Self.find(unknown, dictionary) == nil) }
    withExtendedLifetime(file) {}
  }

  private static func find(_ term: String, _ dictionary: TermDictionary) throws -> Int? {
    try Array(term.utf8).withUnsafeBufferPointer { try dictionary.number(of: $0) }
  }

  @Test("Sections that cannot be right are refused, and slots that lead nowhere")
  func damage() throws {
    let folder = try TemporaryFolder()
    let slack = [UInt8](repeating: 0, count: PackedField.slack)
    // Widths of 1 byte, one term "a" of one document.
    let terms: [UInt8] = [1, 1, 1, 1, 0, 1, 2, 7, 1, 0, 0, 0] + slack
    let slots: [UInt8] = [1] + [UInt8](repeating: 0, count: 16) + slack
    func open(_ terms: [UInt8], _ slots: [UInt8]) throws -> (TermDictionary, SectionFile) {
      try Self.dictionary(folder, terms: 1) { file in
        try file.begin(.packedTerms)
        try file.append(terms)
        try file.begin(.termText)
        try file.append([UInt8(ascii: "a")])
        try file.begin(.packedSlots)
        try file.append(slots)
      }
    }
    let path = folder.path("dictionary")
    _ = try open(terms, slots)
    for (place, value) in [(0, 0), (0, 9), (1, 5), (3, 2)] as [(Int, UInt8)] {
      var wrong = terms
      wrong[place] = value
      #expect(throws: IndexError.corrupted(path: path, section: Section.packedTerms.name)) { try open(wrong, slots) }
    }
    for wrong in [[], [5] + slots.dropFirst(), Array(slots.dropLast()), [3] + slots.dropFirst()] {
      #expect(throws: IndexError.corrupted(path: path, section: Section.packedSlots.name)) { try open(terms, wrong) }
    }
    // Every slot says that the term is the second of one.
    let (dictionary, file) = try open(terms, [1] + [UInt8](repeating: 2, count: 16) + slack)
    #expect(throws: IndexError.corrupted(path: path, section: Section.packedSlots.name)) { try Self.find("a", dictionary) }
    withExtendedLifetime(file) {}
    // The text of the term ends behind all texts.
    let (other, otherFile) = try open(
      [1, 1, 1, 1, 0, 1, 2, 7, 9, 0, 0, 0] + slack, [1] + [UInt8](repeating: 1, count: 16) + slack)
    #expect(throws: IndexError.corrupted(path: path, section: Section.packedTerms.name)) { try Self.find("a", other) }
    withExtendedLifetime(otherFile) {}
  }
}
