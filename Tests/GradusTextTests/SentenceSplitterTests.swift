import GradusCore
import Testing

@testable import GradusText

@Suite("Sentence splitter")
struct SentenceSplitterTests {
  @Test(
    "Sentences end where a reader would end them",
    arguments: [
      ("One. Two! Three?", ["One.", "Two!", "Three?"]),
      ("Dr. Hall paid 3.50 dollars. He left.", ["Dr. Hall paid 3.50 dollars.", "He left."]),
      ("\"Stop!\" he said. \"Why?\" She left.", ["\"Stop!\" he said.", "\"Why?\"", "She left."]),
      ("See Fig. 3 and J. R. Smith et al. (1998). Next.", ["See Fig. 3 and J. R. Smith et al. (1998).", "Next."]),
      ("It rose (p < 0.05.) Then it fell...", ["It rose (p < 0.05.)", "Then it fell..."]),
      ("We use e.g. Python, i.e. a snake. So I. Then", ["We use e.g. Python, i.e. a snake.", "So I.", "Then"]),
      ("Er kam z.B. Montag. Sie blieb.", ["Er kam z.B. Montag.", "Sie blieb."]),
      ("これは文です。次の文！終わり", ["これは文です。", "次の文！", "終わり"]),
      ("Title without stop\n\nBody text.\nSame paragraph", ["Title without stop", "Body text.", "Same paragraph"]),
      ("example.org is a site. v1.2.3 is out.", ["example.org is a site. v1.2.3 is out."]),
      ("„Ja.“ Er ging.", ["„Ja.“", "Er ging."]), ("", []), ("  \n ", []), ("...", ["..."]),
    ])
  func sentences(text: String, expected: [String]) {
    #expect(SentenceSplitter().sentences(text) == expected)
  }

  @Test("Ranges are in order, leave out white space only, and agree in bytes and indices")
  func ranges() {
    var generator = SeededGenerator(seed: 3)
    let alphabet: [String] = ["a", "B", ". ", "! ", "\n\n", "\"", ")", "é", "。", " ", "Dr.", "3.5", "😀"]
    for _ in 0..<500 {
      let text = (0..<generator.integer(below: 60)).map { _ in alphabet[generator.integer(below: alphabet.count)] }.joined()
      let splitter = SentenceSplitter()
      let bytes = Array(text.utf8)
      let pieces = splitter.utf8Ranges(text).map { String(decoding: bytes[$0], as: UTF8.self) }
      #expect(pieces == splitter.sentences(text))
      #expect(pieces.joined().filter { !$0.isWhitespace } == text.filter { !$0.isWhitespace })
    }
  }
}
