import Foundation
import Testing

@testable import GradusData

enum Fixture {
  static func bytes(_ name: String) throws -> [UInt8] {
    let path = try #require(Bundle.module.resourcePath) + "/Fixtures/" + name
    return try WholeFile.bytes(path)
  }
}

@Suite("Manual pages")
struct PageParserTests {
  @Test("Sphinx: navigation, contents and permalink marks are gone, code and headings are told apart")
  func readsSphinx() throws {
    #expect(
      HTMLBlockReader().blocks(of: try Fixture.bytes("pages/sphinx.html")) == [
        .heading(level: 1, text: "Kettle FAQ"),
        .heading(level: 2, text: "General Information"),
        .heading(level: 3, text: "How do I boil water quickly?"),
        .prose("Yes, with lid on. The lid keeps the steam inside and the water gets hot sooner."),
        .code(">>> kettle.boil( lid=True)"),
        .heading(level: 4, text: "Details that matter"),
        .prose("Hard water leaves scale in the pot, which slows it down."),
        .heading(level: 3, text: "Why is the tea bitter?"),
        .prose("The leaves stayed in the pot for much too long this time."),
        .prose("See also How do I boil water quickly? for the temperature."),
        .heading(level: 2, text: "History"),
        .prose("Kettles are older than writing, or so the museum in our town likes to say."),
      ])
  }

  @Test("DocBook: table rows are lines of their own")
  func readsDocBook() throws {
    #expect(
      HTMLBlockReader().blocks(of: try Fixture.bytes("pages/docbook.html")) == [
        .heading(level: 1, text: "Chapter 5. Bicycles"),
        .heading(level: 2, text: "5.1. Where can I park a bicycle?"),
        .prose("In the yard behind the house, but never on the stairs."),
        .prose("Yard free"), .prose("Station paid"),
      ])
  }

  @Test("AsciiDoc: terms of a class are questions, other terms are terms")
  func readsAsciiDoc() throws {
    let page = try Fixture.bytes("pages/asciidoc.html")
    #expect(HTMLBlockReader().blocks(of: page).contains(.term("When should I sow beans?")))
    #expect(
      HTMLBlockReader(questionClasses: ["hdlist1"]).blocks(of: page) == [
        .heading(level: 1, text: "gardenfaq(7) Manual Page"), .heading(level: 2, text: "Sowing"),
        .heading(level: 7, text: "When should I sow beans?"),
        .prose("After the last frost, which is in the middle of May in most places."),
        .heading(level: 7, text: "Which soil do beans like?"), .prose("Loose soil with plenty of compost."),
        .heading(level: 7, text: "sand"), .prose("drains quickly and warms up early in spring"),
      ])
  }

  @Test("Texinfo: navigation lines and section contents are gone")
  func readsTexinfo() throws {
    #expect(
      HTMLBlockReader().blocks(of: try Fixture.bytes("pages/texinfo.html")) == [
        .heading(level: 3, text: "2.4 What is a ligature?"),
        .prose("Two letters cast on one body, such as fi in old books."),
      ])
  }

  @Test("Pages that forward to another one, empty and broken pages give no blocks, Latin-1 is read")
  func readsOddPages() {
    func blocks(_ bytes: [UInt8]) -> [DocumentBlock] { HTMLBlockReader().blocks(of: bytes) }
    #expect(blocks([]).isEmpty)
    let forward = #"<html><head><meta http-equiv="Refresh" content="0; url=x"></head><body>Moved.</body></html>"#
    #expect(blocks(Array(forward.utf8)).isEmpty)
    #expect(blocks(Array("<p>unclosed <b>bold".utf8)) == [.prose("unclosed bold")])
    #expect(blocks(Array("<p>caf".utf8) + [0xE9] + Array("</p>".utf8)) == [.prose("café")])
    #expect(blocks(Array("<p>café</p>".utf8)) == [.prose("café")])
  }

  @Test("POD: formatting codes, links, items, code and what is not documentation")
  func readsPod() throws {
    #expect(
      PodParser.blocks(of: String(decoding: try Fixture.bytes("pages/sample.pod"), as: UTF8.self)) == [
        .heading(level: 1, text: "NAME"), .prose("stove - questions about stoves"), .heading(level: 1, text: "Lighting"),
        .heading(level: 2, text: "How do I light a stove?"),
        .prose("Use a match, see match(1) and Bar baz in perlfoo. It takes five seconds; a > b and $h{<} are not needed."),
        .code("strike match; my $x = 1;"),
        .term("Dry wood only"), .prose("Open the flue."), .term("-k FILE"), .prose("Keeps the fire."),
        .heading(level: 2, text: "(FAQ 2) Why does it smoke?"), .prose("The flue is closed."), .prose("It may be wet wood."),
      ])
  }

  @Test(
    "Formatting codes nest, and brackets that are none stay",
    arguments: [
      ("B<bold I<and> C<code>>", "bold and code"), ("C<<< x << y >>>", "x << y"), ("C<<x>>", "<x>"), ("a < b", "a < b"),
      ("E<eacute>E<233>E<0xE9>", "ééé"), ("F</etc/passwd>", "/etc/passwd"), ("L<https://x.org/a>", "https://x.org/a"),
      ("L</\"Own section\">", "Own section"), ("C<open", "open"), ("Z<>word", "word"),
    ])
  func resolvesCodes(source: String, expected: String) {
    #expect(PodParser.plainText(source) == expected)
  }

  @Test("White space is squeezed, no-break spaces included, and other characters stay")
  func squeezes() {
    #expect("\u{A0} a\t\n b\u{A0}\u{A0} ©\u{A0}é ".squeezed == "a b © é")
    #expect("  ".squeezed == "")
    #expect(" two  words\n".wordCount == 2)
  }
}
