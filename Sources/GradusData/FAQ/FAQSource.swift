/// A documentation package with questions and answers, and the pages of the same package that serve as distractors.
public struct FAQSource: Sendable, Equatable {
  /// How a page of the source is written.
  public enum Format: Sendable, Equatable { case pod, html }

  /// Which headings of a FAQ page are questions.
  public struct QuestionRule: Sendable, Equatable {
    /// Heading levels, 1 to 6; 7 for elements of `classes`.
    public var levels: ClosedRange<Int>
    /// Whether a question must end with a question mark; false where every heading of these levels is one.
    public var needsQuestionMark: Bool
    /// Classes of HTML elements that hold a question and are no heading.
    public var classes: Set<String>

    public init(levels: ClosedRange<Int> = 1...7, needsQuestionMark: Bool = true, classes: Set<String> = []) {
      self.levels = levels
      self.needsQuestionMark = needsQuestionMark
      self.classes = classes
    }
  }

  /// Short name, used in qids, docnos and `metadata.source`.
  public let name: String
  /// Debian package; `*` stands for a version in the name, and the newest is taken.
  public let package: String
  /// SPDX expression of the documents used, as the package's copyright file states it.
  public let licence: String
  public let format: Format
  /// Shell patterns of the FAQ pages, relative to the package's root. `*` does not cross a `/`.
  public let faqPages: [String]
  /// Patterns of the pages that give distractors; FAQ pages are taken as FAQ even where these match too.
  public let manualPages: [String]
  /// Pages that neither list may take.
  public let excludedPages: [String]
  public let questions: QuestionRule
  /// Whether the collection cannot be built without it.
  public let isRequired: Bool

  public init(
    name: String, package: String, licence: String, format: Format = .html, faqPages: [String], manualPages: [String],
    excludedPages: [String] = [], questions: QuestionRule = QuestionRule(), isRequired: Bool = false
  ) {
    self.name = name
    self.package = package
    self.licence = licence
    self.format = format
    self.faqPages = faqPages
    self.manualPages = manualPages
    self.excludedPages = excludedPages
    self.questions = questions
    self.isRequired = isRequired
  }
}
