import GradusCore

/// The README of a built collection: what is in it, whose it is, what was removed.
struct FAQReadme {
  let collection: FAQCollection

  var text: String {
    let sources = collection.sources
    let questions = collection.questions
    let judgements = questions.reduce(0) { $0 + $1.relevant.count }
    let words = collection.documents.map(\.text.wordCount)
    var lines = [
      "# faq: questions about software, and the manuals that answer them",
      "",
      "Made by `gradus data build faq` from documentation packages of Debian. A query is the heading of a question in a FAQ;",
      "relevant (grade 1) are the passages of its answer; the other passages come from the same FAQs and from the manuals beside",
      "them.",
      "",
      "\(collection.documents.count) passages (\(percentile(words, 10)) to \(percentile(words, 90)) words, "
        + "median \(percentile(words, 50))), \(questions.count) questions, \(judgements) judgements.",
      "Questions: "
        + QuestionSplit.allCases.map { split in "\(questions.filter { $0.split == split }.count) \(split.rawValue)" }
        .joined(separator: ", ") + ", drawn within each source by a hash of the qid.",
      "",
      "| source | package | version | licence | questions | train / dev / test | answer passages | other passages |",
      "|---|---|---|---|---:|---:|---:|---:|",
    ]
    for source in sources {
      lines.append(
        "| \(source.name) | \(source.package) | \(source.version) | \(source.licence) | \(source.questions) | "
          + "\(source.train) / \(source.dev) / \(source.test) | \(source.answerPassages) | \(source.distractorPassages) |")
    }
    lines += [
      "",
      "The licence column names the licence of the documents used; `licences/PACKAGE.txt` is the package's own statement, and",
      "the text of each passage stays under it.",
    ]
    if !collection.missingSources.isEmpty {
      lines += ["", "Not included, because the package was not to be had: \(collection.missingSources.joined(separator: ", "))."]
    }
    let removals = collection.removals
    lines += [
      "",
      "## What was removed",
      "- headings and tables of contents: they are in no passage, and passages have no titles",
      "- \(removals.leakingSentences) sentences that repeat a question of four words or more word for word, and "
        + "\(removals.leakingPassages) passages in which one stood across sentences",
      "- \(removals.repeatedPassages) passages that repeat another one (case and punctuation aside)",
      "- \(removals.repeatedQuestions) questions that repeat another one; their answers count for the first",
      "- \(removals.unansweredQuestions) questions whose answer left no passage of eight words",
      "- code blocks of more than \(PageSections.maxCodeWords) words, and code that exceeds the prose before it",
      "",
      "## Known limits",
      "A passage of a manual may answer a question too, and is not judged; so a measure is a lower bound. Some answers open",
      "with a word (\"Yes.\") that only makes sense after the question. Passages that questions of different splits share: "
        + "\(sharedPassages).",
      "",
    ]
    return lines.joined(separator: "\n")
  }

  private var sharedPassages: Int {
    var splits: [String: Set<QuestionSplit>] = [:]
    for question in collection.questions {
      for docno in question.relevant { splits[docno, default: []].insert(question.split) }
    }
    return splits.values.count { $0.count > 1 }
  }

  private func percentile(_ values: [Int], _ percent: Int) -> Int {
    values.isEmpty ? 0 : values.sorted()[(values.count - 1) * percent / 100]
  }
}
