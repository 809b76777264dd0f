import GradusCore
import Testing

@testable import GradusCLI

@Suite("Text for people")
struct SupportTests {
  private let pipe = Terminal(isInteractive: false, width: 100)
  private let screen = Terminal(isInteractive: true, width: 100)

  private func ranges(_ words: [String], in text: String) -> [Range<String.Index>] {
    words.flatMap { word in
      text.indices.filter { text[$0...].hasPrefix(word) }.map { $0..<text.index($0, offsetBy: word.count) }
    }.sorted { $0.lowerBound < $1.lowerBound }
  }

  @Test("A snippet shows the stretch with the most different words, matches in bold on a terminal only")
  func snippet() {
    let text = "alpha one two three four five six seven eight nine ten alpha beta eleven twelve thirteen fourteen fifteen"
    let snippet = Snippet(text, matches: ranges(["alpha", "beta"], in: text), width: 50)
    #expect(snippet.lines(width: 80, terminal: pipe) == ["... five six seven eight nine ten alpha beta eleven ..."])
    #expect(snippet.lines(width: 80, terminal: screen)[0].contains("ten \u{1B}[1malpha\u{1B}[22m \u{1B}[1mbeta\u{1B}[22m eleven"))
    #expect(snippet.lines(width: 30, terminal: pipe).allSatisfy { $0.count <= 30 })
  }

  @Test("A text without matches is shown from its start; an empty one has no line")
  func snippetWithoutMatches() {
    #expect(Snippet("one two\nthree", matches: [], width: 9).lines(width: 80, terminal: pipe) == ["one two ..."])
    #expect(Snippet("", matches: [], width: 9).lines(width: 80, terminal: pipe).isEmpty)
  }

  @Test("Wide characters take two columns, marks none")
  func widths() {
    #expect(DisplayWidth.of("abc") == 3)
    #expect(DisplayWidth.of("漢字") == 4)
    #expect(DisplayWidth.of("e\u{301}") == 1)
    #expect(DisplayWidth.of("🚀") == 2)
  }

  @Test("The nearest name needs the fewest edits; a far one is not suggested")
  func spelling() {
    #expect(Spelling.editDistance("kitten", "sitting") == 3)
    #expect(Spelling.editDistance("serach", "search") == 1)
    #expect(Spelling.nearest(to: "Scifcat", among: ["cranfield", "scifact"]) == "scifact")
    #expect(Spelling.nearest(to: "wikipedia", among: ["adi", "scifact"]) == nil)
  }

  @Test("Numbers are rounded and grouped as people write them")
  func numbers() {
    #expect(0.125.fixed(2) == "0.12" && (-0.001).fixed(2) == "0.00" && 12.0.fixed(0) == "12" && (-2.5).fixed(1) == "-2.5")
    #expect(1_234_567.grouped == "1,234,567" && 999.grouped == "999" && (-1000).grouped == "-1,000")
    #expect(999.byteText == "999 B" && 18_000_000.byteText == "18.0 MB")
  }

  @Test("A table pads its columns by what they take up on the screen")
  func table() {
    var table = TextTable(header: ["a", "n"], rightAligned: [1])
    table.append(["漢", "10"])
    table.append(["bcd", "5"])
    #expect(table.text == "a     n\n漢   10\nbcd   5\n")
  }

  @Test("Runs keep short names only where these tell them apart")
  func shortNames() {
    #expect(EvaluateCommand.shortNames(["out/a.run", "b.trec.gz"]) == ["a", "b"])
    #expect(EvaluateCommand.shortNames(["x/a.run", "y/a.run"]) == ["x/a.run", "y/a.run"])
  }
}
