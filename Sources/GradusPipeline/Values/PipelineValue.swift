import GradusCore

/// The kinds of values that flow between stages. The raw value is the letter of plans and papers.
public enum ValueKind: String, Sendable, Codable, CaseIterable {
  /// `Query`.
  case query = "Q"
  /// ``RankedList``.
  case list = "R"
  /// `Document`.
  case document = "D"
  /// ``Answer``.
  case answer = "A"
}

/// What may flow through a pipeline: `Query`, ``RankedList``, `Document` and ``Answer``. Not for other types to conform to.
public protocol PipelineValue: Sendable {
  static var valueKind: ValueKind { get }
  /// The value in the form in which plans carry it.
  var boxed: PipelineBox { get }
  /// Nil for a box of another kind.
  init?(_ box: PipelineBox)
}

/// A value of any kind: inside a plan the types have been checked by the compiler already.
public enum PipelineBox: Sendable, Equatable {
  case query(Query)
  case list(RankedList)
  case document(Document)
  case answer(Answer)
}

extension Query: PipelineValue {
  public static var valueKind: ValueKind { .query }
  public var boxed: PipelineBox { .query(self) }
  public init?(_ box: PipelineBox) {
    guard case .query(let value) = box else { return nil }
    self = value
  }
}

extension RankedList: PipelineValue {
  public static var valueKind: ValueKind { .list }
  public var boxed: PipelineBox { .list(self) }
  public init?(_ box: PipelineBox) {
    guard case .list(let value) = box else { return nil }
    self = value
  }
}

extension Document: PipelineValue {
  public static var valueKind: ValueKind { .document }
  public var boxed: PipelineBox { .document(self) }
  public init?(_ box: PipelineBox) {
    guard case .document(let value) = box else { return nil }
    self = value
  }
}

extension Answer: PipelineValue {
  public static var valueKind: ValueKind { .answer }
  public var boxed: PipelineBox { .answer(self) }
  public init?(_ box: PipelineBox) {
    guard case .answer(let value) = box else { return nil }
    self = value
  }
}
