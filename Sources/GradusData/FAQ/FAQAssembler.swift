import GradusCore

/// Makes one collection of the sections of many pages: checks for leaks and repetitions, cuts passages, splits questions.
///
/// The result depends on the sections alone and on their order, which is that of sources and paths.
struct FAQAssembler {
  /// The sections of one page.
  struct Page {
    /// Position of its source in `sources`.
    let source: Int
    /// File name without endings, part of the docnos.
    let name: String
    let sections: [PageSection]
  }

  /// A question with what is still known of its answer.
  private struct Entry {
    let qid: String
    let text: String
    let source: Int
    var relevant: [String] = []
  }

  let sources: [FAQCollection.SourceCounts]
  var cutter = PassageCutter()

  func assemble(_ pages: [Page], missingSources: [String] = []) -> FAQCollection {
    var removals = FAQCollection.Removals()
    var counts = sources
    let filter = LeakageFilter(questions: pages.flatMap { $0.sections.compactMap(\.question) })

    var entries: [Entry] = []
    var entryOfQuestion: [String: Int] = [:]
    var documents: [Document] = []
    var answers: [Bool] = []
    var documentOfText: [String: Int] = [:]

    for page in pages {
      let source = sources[page.source].name
      counts[page.source].pages += 1
      var numberInPage = 0
      for section in page.sections {
        var entry: Int?
        if let question = section.question {
          let key = NormalizedText(question).key
          if let known = entryOfQuestion[key] {
            removals.repeatedQuestions += 1
            entry = known
          } else {
            entry = entries.count
            entryOfQuestion[key] = entries.count
            let hash = SHA256Digest.hex(of: Array(key.utf8)).prefix(Self.idDigits)
            entries.append(Entry(qid: "\(source)-\(hash)", text: question, source: page.source))
          }
        }
        let kept = section.units.filter { !filter.leaks($0.text) }
        removals.leakingSentences += section.units.count - kept.count
        for text in cutter.passages(of: kept) {
          let normalized = NormalizedText(text)
          guard !filter.leaks(normalized) else {
            removals.leakingPassages += 1
            continue
          }
          let key = normalized.key
          let position: Int
          if let known = documentOfText[key] {
            removals.repeatedPassages += 1
            position = known
          } else {
            position = documents.count
            documentOfText[key] = position
            numberInPage += 1
            let docno = "\(source)-\(page.name)-\(numberInPage)"
            documents.append(Document(docno: docno, text: text, metadata: ["source": source]))
            answers.append(false)
          }
          if let entry {
            answers[position] = true
            let docno = documents[position].docno
            if !entries[entry].relevant.contains(docno) { entries[entry].relevant.append(docno) }
          }
        }
      }
    }

    let answered = entries.filter { !$0.relevant.isEmpty }
    removals.unansweredQuestions = entries.count - answered.count
    let splits = Self.splits(of: answered)
    for (document, isAnswer) in zip(documents, answers) {
      let source = counts.firstIndex { $0.name == document.metadata["source"] }!
      if isAnswer { counts[source].answerPassages += 1 } else { counts[source].distractorPassages += 1 }
    }
    var questions: [FAQCollection.Question] = []
    for entry in answered {
      let split = splits[entry.qid]!
      counts[entry.source].questions += 1
      switch split {
      case .train: counts[entry.source].train += 1
      case .dev: counts[entry.source].dev += 1
      case .test: counts[entry.source].test += 1
      }
      questions.append(
        FAQCollection.Question(
          qid: entry.qid, text: entry.text, source: sources[entry.source].name, split: split, relevant: entry.relevant))
    }
    return FAQCollection(
      documents: documents, questions: questions, sources: counts, removals: removals, missingSources: missingSources)
  }

  /// Splits each source by itself; questions that share a passage go where the first of them goes.
  private static func splits(of entries: [Entry]) -> [String: QuestionSplit] {
    var splits: [String: QuestionSplit] = [:]
    for source in Set(entries.map(\.source)).sorted() {
      splits.merge(QuestionSplit.assign(qids: entries.filter { $0.source == source }.map(\.qid))) { first, _ in first }
    }
    var splitOfPassage: [String: QuestionSplit] = [:]
    for entry in entries {
      if let shared = entry.relevant.lazy.compactMap({ splitOfPassage[$0] }).first { splits[entry.qid] = shared }
      for docno in entry.relevant where splitOfPassage[docno] == nil { splitOfPassage[docno] = splits[entry.qid] }
    }
    return splits
  }

  /// Hexadecimal digits of a question's hash in its qid: 40 bits, enough for some thousand questions of one source.
  private static let idDigits = 10
}
