/// The stable name of a training sample: the same sample has the same id in every epoch, run and process.
///
/// State keyed by sample id (a learned weight, the last loss of a sample) stays valid across a resume. The text is
/// readable: `qid docno docno` for a pair, `qid docno<TAB>label` for a single document, `qid docno docno<TAB>list` for a
/// list; neither qids nor docnos hold
/// white space, so different samples never share an id.
public struct SampleID: Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
  public let text: String

  public init(_ text: String) { self.text = text }

  public var description: String { text }

  /// By UTF-8 bytes, so that the order does not depend on the locale or the Unicode version.
  public static func < (first: SampleID, second: SampleID) -> Bool {
    first.text.utf8.lexicographicallyPrecedes(second.text.utf8)
  }

  public init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// One document of a training sample and what the sample says about it.
public struct LabelledDocument: Sendable, Hashable, Codable {
  public let docno: String
  /// What a pointwise loss regresses on: the raw grade (0 where unjudged), or 0 and 1 by ``LabelScale/binary``.
  public let label: Double
  /// The part the document plays in the sample. In a pair of grades 4 and 3 the second is negative although it is
  /// relevant; in a pointwise sample it says whether the grade reaches the sampler's explicit cut.
  public let isPositive: Bool

  public init(docno: String, label: Double, isPositive: Bool) {
    self.docno = docno
    self.label = label
    self.isPositive = isPositive
  }
}

/// The unit that a sampler draws, a weighting weighs and a loss gives one value for.
///
///     let pair = TrainingSample.pairwise(qid: "7", positive: "d2", negatives: ["d9"])
///     pair.id.text          // "7 d2 d9"
///     pair.documents.count  // 2
public struct TrainingSample: Sendable, Hashable, Codable {
  /// What a sample holds.
  public enum Form: String, Sendable, Codable, CaseIterable {
    /// One document and its label.
    case pointwise
    /// One positive, then one or more negatives.
    case pairwise
    /// Two or more documents with labels, in no particular order.
    case listwise
  }

  public let form: Form
  public let qid: String
  /// In the order in which they are scored: the positive first in a pairwise sample.
  public let documents: [LabelledDocument]

  private init(form: Form, qid: String, documents: [LabelledDocument]) {
    self.form = form
    self.qid = qid
    self.documents = documents
  }

  /// One positive with its negatives, already labelled. The caller vouches for at least one negative.
  public static func pairwise(
    qid: String, positive: (docno: String, label: Double), negatives: [(docno: String, label: Double)]
  ) -> TrainingSample {
    precondition(!negatives.isEmpty, "a pairwise sample needs a negative")
    let first = LabelledDocument(docno: positive.docno, label: positive.label, isPositive: true)
    let rest = negatives.map { LabelledDocument(docno: $0.docno, label: $0.label, isPositive: false) }
    return TrainingSample(form: .pairwise, qid: qid, documents: [first] + rest)
  }

  /// One positive (label 1) with its negatives (label 0).
  public static func pairwise(qid: String, positive: String, negatives: [String]) -> TrainingSample {
    pairwise(qid: qid, positive: (positive, 1), negatives: negatives.map { ($0, 0) })
  }

  public static func pointwise(qid: String, docno: String, label: Double, isPositive: Bool) -> TrainingSample {
    let document = LabelledDocument(docno: docno, label: label, isPositive: isPositive)
    return TrainingSample(form: .pointwise, qid: qid, documents: [document])
  }

  /// Documents of one query with their labels. The caller vouches for at least two documents.
  public static func listwise(qid: String, documents: [LabelledDocument]) -> TrainingSample {
    precondition(documents.count >= 2, "a list needs two documents")
    return TrainingSample(form: .listwise, qid: qid, documents: documents)
  }

  /// The same documents with other labels, in their order.
  func labelled(_ labels: [Double]) -> TrainingSample {
    let documents = zip(documents, labels).map { LabelledDocument(docno: $0.docno, label: $1, isPositive: $0.isPositive) }
    return TrainingSample(form: form, qid: qid, documents: documents)
  }

  public var id: SampleID {
    let names = ([qid] + documents.map(\.docno)).joined(separator: " ")
    switch form {
    case .pairwise: return SampleID(names)
    case .pointwise: return SampleID("\(names)\t\(documents[0].label)")
    case .listwise: return SampleID("\(names)\tlist")
    }
  }
}

/// Which numbers the documents of a sample carry as labels.
public enum LabelScale: String, Sendable, Codable, CaseIterable {
  /// The judgement itself, 0 where unjudged: the regression targets of a pointwise loss.
  case grade
  /// 1 for a positive, 0 for a negative: the targets of binary cross-entropy.
  case binary

  func label(grade: Int, isPositive: Bool) -> Double {
    switch self {
    case .grade: Double(grade)
    case .binary: isPositive ? 1 : 0
    }
  }
}
