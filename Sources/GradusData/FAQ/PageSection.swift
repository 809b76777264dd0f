/// What stands under one heading of a page: a question with its answer, or a piece of a manual.
struct PageSection: Equatable {
  /// A sentence, list item, term or code block: what is never cut.
  struct Unit: Equatable {
    let text: String
    let words: Int
    let isCode: Bool

    init(_ text: String, isCode: Bool = false) {
      self.text = text
      words = text.wordCount
      self.isCode = isCode
    }
  }

  /// Nil for a piece of a manual. Headings go nowhere else.
  let question: String?
  var units: [Unit]
}

/// Cuts a page into sections at its headings.
///
///     PageSections(rule: rule, isFAQ: true, sentences: splitter).sections(of: blocks)
struct PageSections {
  let rule: FAQSource.QuestionRule
  let isFAQ: Bool
  /// Splits a paragraph into sentences.
  let sentences: (String) -> [String]

  /// Code longer than this says more to a compiler than to a reader, and is left out.
  static let maxCodeWords = 60
  /// What has more words and no end of a sentence is a listing that was not marked as code.
  static let maxSentenceWords = 200

  func sections(of blocks: [DocumentBlock]) -> [PageSection] {
    var sections: [PageSection] = []
    var current = PageSection(question: nil, units: [])
    var questionLevel: Int?
    // Prose dominates: code is kept only as far as as many words of prose stand before it.
    var proseCredit = 0

    func close() { if !current.units.isEmpty { sections.append(current) } }

    for block in blocks {
      switch block {
      case .heading(let level, let text):
        if isQuestion(text, level: level) {
          close()
          current = PageSection(question: QuestionText.clean(text), units: [])
          questionLevel = level
          proseCredit = 0
        } else if let open = questionLevel, level > open {
          continue  // A heading inside an answer: the answer goes on.
        } else {
          close()
          current = PageSection(question: nil, units: [])
          questionLevel = nil
          proseCredit = 0
        }
      case .term(let text):
        current.units.append(PageSection.Unit(text))
      case .prose(let text):
        for sentence in sentences(Self.withoutAnswerMark(text)) where !sentence.isEmpty {
          let unit = PageSection.Unit(sentence)
          guard unit.words <= Self.maxSentenceWords else { continue }
          proseCredit += unit.words
          current.units.append(unit)
        }
      case .code(let text):
        let unit = PageSection.Unit(text, isCode: true)
        guard unit.words <= min(Self.maxCodeWords, proseCredit) else { continue }
        proseCredit -= unit.words
        current.units.append(unit)
      }
    }
    close()
    return sections
  }

  /// `A:` and `Answer:` stand where a FAQ is laid out as a dialogue.
  private static func withoutAnswerMark(_ text: String) -> String {
    for mark in ["A:", "Answer:"] where text.hasPrefix(mark) { return text.dropFirst(mark.count).trimmed }
    return text
  }

  private func isQuestion(_ text: String, level: Int) -> Bool {
    guard isFAQ, rule.levels.contains(level) else { return false }
    return !rule.needsQuestionMark || QuestionText.isMarked(text)
  }
}
