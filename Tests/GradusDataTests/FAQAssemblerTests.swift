import GradusCore
import Testing

@testable import GradusData

@Suite("Questions, passages, leaks and splits")
struct FAQAssemblerTests {
  /// Ends at a full stop, question or exclamation mark before a blank: enough for texts written here.
  static func sentences(_ text: String) -> [String] {
    var result: [String] = []
    var current = ""
    for word in text.split(separator: " ") {
      current += (current.isEmpty ? "" : " ") + word
      if ".?!".contains(word.last!) {
        result.append(current)
        current = ""
      }
    }
    return current.isEmpty ? result : result + [current]
  }

  private func sections(
    _ page: String, isFAQ: Bool = true, rule: FAQSource.QuestionRule = FAQSource.QuestionRule()
  ) throws -> [PageSection] {
    let blocks = HTMLBlockReader(questionClasses: rule.classes).blocks(of: try Fixture.bytes("pages/" + page))
    return PageSections(rule: rule, isFAQ: isFAQ, sentences: Self.sentences).sections(of: blocks)
  }

  private static let counts = FAQCollection.SourceCounts(name: "s", package: "p", version: "1", licence: "MIT")

  private func page(_ sections: [PageSection], name: String = "faq") -> FAQAssembler.Page {
    FAQAssembler.Page(source: 0, name: name, sections: sections)
  }

  private func section(_ question: String?, _ texts: String...) -> PageSection {
    PageSection(question: question, units: texts.map { PageSection.Unit($0) })
  }

  @Test("A heading inside an answer does not end it, one beside the question does")
  func findsAnswers() throws {
    let sections = try sections("sphinx.html")
    #expect(sections.map(\.question) == ["How do I boil water quickly?", "Why is the tea bitter?", nil])
    #expect(sections[0].units.map(\.text).last == "Hard water leaves scale in the pot, which slows it down.")
    #expect(sections[0].units.contains { $0.isCode })
    #expect(try self.sections("sphinx.html", isFAQ: false).allSatisfy { $0.question == nil })
  }

  @Test("Questions in a definition list; a term without a question mark is no question")
  func findsTermQuestions() throws {
    let rule = FAQSource.QuestionRule(levels: 7...7, classes: ["hdlist1"])
    let found = try sections("asciidoc.html", rule: rule)
    #expect(found.map(\.question) == ["When should I sow beans?", "Which soil do beans like?", nil])
  }

  @Test(
    "Numbers, letters and permalink marks are taken off questions",
    arguments: [
      ("5.1. Where is it?", "Where is it?"), ("2.3: Why not?", "Why not?"), ("G4. I have an idea?", "I have an idea?"),
      ("(FAQ 1a) Does it work?", "Does it work?"), ("Q: Why?", "Why?"), ("A.1 What?", "What?"),
      ("7 habits, why?", "7 habits, why?"), ("3D printing, how?", "3D printing, how?"), ("I said why?", "I said why?"),
      ("What is it? ¶", "What is it?"),
    ])
  func cleansQuestions(heading: String, expected: String) {
    #expect(QuestionText.clean(heading) == expected)
  }

  @Test("Only headings that ask are questions")
  func tellsQuestions() {
    for asked in ["Why?", "Why? (Plus other pitfalls.)", "What is \"it\"?", "2.1 Is it so?)"] {
      #expect(QuestionText.isMarked(asked))
    }
    for stated in ["Reasons", "Why? Because.", "How to do it", "?-mark and more"] {
      #expect(!QuestionText.isMarked(stated))
    }
  }

  @Test("Passages have 60 to 120 words, end where sentences end and lose nothing", arguments: [10, 119, 121, 150, 200, 400, 1000])
  func cutsPassages(words: Int) {
    let units = stride(from: 0, to: words, by: 10).map { start in
      PageSection.Unit((start..<min(words, start + 10)).map { "w\($0)" }.joined(separator: " ") + ".")
    }
    let passages = PassageCutter().passages(of: units)
    #expect(passages.joined(separator: " ") == units.map(\.text).joined(separator: " "))
    #expect(passages.allSatisfy { $0.hasSuffix(".") && $0.wordCount <= 120 })
    if words > 120 { #expect(passages.allSatisfy { $0.wordCount >= 60 }) }
    #expect((passages.count == 1) == (words <= 120))
  }

  @Test("Fewer than eight words of prose are no passage, and a long sentence stays whole")
  func cutsOddPassages() {
    #expect(PassageCutter().passages(of: [PageSection.Unit("Yes.")]).isEmpty)
    let mostlyCode = [PageSection.Unit("Like this:"), PageSection.Unit("a b c d e f g h i j", isCode: true)]
    #expect(PassageCutter().passages(of: mostlyCode).isEmpty)
    let long = PageSection.Unit(Array(repeating: "word", count: 150).joined(separator: " "))
    #expect(PassageCutter().passages(of: [long]) == [long.text])
  }

  @Test("Code never outweighs the prose before it")
  func limitsCode() {
    let blocks: [DocumentBlock] = [
      .heading(level: 1, text: "T"), .prose("one two three four five."), .code("a b c"), .code("d e f"), .code("g h"),
      .prose(Array(repeating: "w", count: 201).joined(separator: " ")),
    ]
    let sections = PageSections(rule: .init(), isFAQ: false, sentences: Self.sentences).sections(of: blocks)
    #expect(sections.map { $0.units.map(\.text) } == [["one two three four five.", "a b c", "g h"]])
  }

  @Test("Normalised text keeps words and drops case and punctuation, typographic too")
  func normalises() {
    #expect(NormalizedText("Why is int() broken?").key == "why is int broken")
    #expect(NormalizedText("  “Don’t”—café… €5 ").key == "don t café €5")
    #expect(NormalizedText("...").key.isEmpty)
  }

  @Test("A question is found in a passage in any case and punctuation, at any place, whole words only")
  func findsLeaks() {
    let filter = LeakageFilter(questions: ["Why is int() broken?", "Why is int broken again today?", "What is Perl?"])
    #expect(filter.leaks("See \"why is INT broken\"."))
    #expect(filter.leaks("Why is int() broken?"))
    #expect(!filter.leaks("Why is int() brokenhearted"))
    #expect(!filter.leaks("It asks what is Perl?"))
    #expect(!filter.leaks("Why is int"))
  }

  @Test("No passage repeats a question, neither in a sentence nor across two, and what was removed is counted")
  func removesLeaks() {
    let question = "How do I boil water quickly?"
    let collection = FAQAssembler(sources: [Self.counts]).assemble([
      page([
        section(question, "How do I boil water quickly?", "Put the lid on the pot and wait for a while."),
        section("Why is it so very cold?", "People ask how do I boil", "water quickly but here the answer is another one."),
        section(nil, "The manual says how do I boil water quickly in the chapter on pots."),
      ])
    ])
    #expect(collection.documents.map(\.text) == ["Put the lid on the pot and wait for a while."])
    #expect(collection.questions.map(\.text) == [question])
    #expect(collection.removals == .init(unansweredQuestions: 1, leakingSentences: 2, leakingPassages: 1))
  }

  @Test("Repeated passages and questions are merged, and shared passages keep their questions in one split")
  func mergesRepetitions() {
    let shared = "Put the lid on the pot and wait for a while."
    var sections: [PageSection] = []
    for number in 0..<40 { sections.append(section("What is the number \(number) good for?", shared)) }
    sections.append(section("What is the number 3, good for", "This is a second answer to the very same question."))
    let collection = FAQAssembler(sources: [Self.counts]).assemble([page(sections)])
    #expect(collection.documents.count == 2)
    #expect(collection.removals.repeatedPassages == 39 && collection.removals.repeatedQuestions == 1)
    #expect(collection.questions[3].relevant == ["s-faq-1", "s-faq-2"])
    #expect(Set(collection.questions.map(\.split)).count == 1)
    #expect(collection.sources[0].answerPassages == 2 && collection.sources[0].distractorPassages == 0)
  }

  @Test("The split has its shares, does not depend on the order, and hardly moves when a question is added")
  func splits() {
    let qids = (0..<200).map { "s-\($0)" }
    let splits = QuestionSplit.assign(qids: qids)
    #expect(splits.values.count { $0 == .train } == 120)
    #expect(splits.values.count { $0 == .dev } == 30)
    #expect(splits.values.count { $0 == .test } == 50)
    #expect(QuestionSplit.assign(qids: qids.reversed()) == splits)
    let more = QuestionSplit.assign(qids: qids + ["s-new"])
    #expect(qids.count { more[$0] != splits[$0] } <= 2)
    // Fixed for ever: published figures refer to it.
    #expect((0..<8).map { splits["s-\($0)"]! } == QuestionSplit.firstEight)
  }
}

extension QuestionSplit {
  /// What the hash gives for `s-0` ... `s-7` among 200.
  static let firstEight: [QuestionSplit] = [.train, .test, .train, .train, .dev, .test, .train, .train]
}
