import GradusCore

/// A collection of questions and passages as it is written to disk, with the record of what was left out on the way.
struct FAQCollection: Sendable {
  struct Question: Sendable, Equatable {
    let qid: String
    let text: String
    let source: String
    let split: QuestionSplit
    /// Docnos of the passages of its answer, in reading order; never empty.
    let relevant: [String]
  }

  /// What the checks removed, all sources together.
  struct Removals: Sendable, Equatable, Codable {
    /// Headings that repeat another question word for word; their answers count for the first.
    var repeatedQuestions = 0
    /// Questions of which no passage was left.
    var unansweredQuestions = 0
    /// Sentences and list items that quote a question of at least four words.
    var leakingSentences = 0
    /// Passages in which a question stood across the border of two sentences.
    var leakingPassages = 0
    /// Passages that repeat another one.
    var repeatedPassages = 0
  }

  /// Counts of one source.
  struct SourceCounts: Sendable, Equatable, Codable {
    let name: String
    let package: String
    let version: String
    let licence: String
    var pages = 0
    var questions = 0
    var train = 0
    var dev = 0
    var test = 0
    /// Passages that answer a question.
    var answerPassages = 0
    /// All other passages.
    var distractorPassages = 0
  }

  let documents: [Document]
  let questions: [Question]
  let sources: [SourceCounts]
  let removals: Removals
  /// Names of sources whose package was not to be had.
  let missingSources: [String]
}
