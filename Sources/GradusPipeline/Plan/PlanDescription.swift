#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusRank

/// A plan as data: to print, to draw, to store beside a run so that one knows later where the run came from.
///
///     let plan = pipeline.plan
///     try PlanDescription(json: plan.json()) == plan   // true
///
/// It holds names, settings and hashes, not models or indexes: those are found again by their hashes.
public struct PlanDescription: Sendable, Equatable, Codable {
  /// What a stage of the plan does.
  public enum Operation: String, Sendable, Codable, CaseIterable {
    case stage, then, cut, scale, sum, union, intersection, concatenation, features, fuse
  }

  public let operation: Operation
  /// Of a stage.
  public let kind: StageKind?
  /// A stage's name, a fusion's method, a cut's depth, a weight; empty where the operation says all.
  public let name: String
  /// Of a stage, in its own order.
  public let settings: [Setting]
  /// The hash of all that decides a stage's output but its input; nil for other operations and for what is not stored.
  public let contentKey: String?
  /// What goes in and comes out.
  public let input: ValueKind
  public let output: ValueKind
  public let parts: [PlanDescription]

  /// A stage's setting, as text.
  public struct Setting: Sendable, Equatable, Codable {
    public let name: String
    public let value: String
  }

  init(_ node: PlanNode, input: ValueKind) {
    self.input = input
    var key: String?
    var described: (kind: StageKind?, settings: [Setting]) = (nil, [])
    switch node {
    case .stage(let stage):
      operation = .stage
      name = stage.name
      described = (stage.kind, stage.settings.map { Setting(name: $0.name, value: $0.value) })
      key = stage.contentKey
      output = stage.kind.output
      parts = []
    case .then(let first, let second):
      operation = .then
      name = ""
      // A chain is one operation with many parts.
      var chain = [second]
      var head = first
      while case .then(let before, let after) = head {
        chain.insert(after, at: 0)
        head = before
      }
      chain.insert(head, at: 0)
      var current = input
      parts = chain.map { part in
        let description = PlanDescription(part, input: current)
        current = description.output
        return description
      }
      output = current
    case .cut(let part, let depth):
      operation = .cut
      name = "\(depth)"
      parts = [PlanDescription(part, input: input)]
      output = .list
    case .scale(let part, let weight):
      operation = .scale
      name = "\(weight)"
      parts = [PlanDescription(part, input: input)]
      output = .list
    case .join(let join, let joined):
      if case .fusion(let fusion) = join {
        operation = .fuse
        name = fusion.description
      } else {
        operation = Operation(rawValue: join.name) ?? .fuse
        name = ""
      }
      parts = joined.map { PlanDescription($0, input: input) }
      output = .list
    }
    kind = described.kind
    settings = described.settings
    contentKey = key
  }

  /// - Throws: ``PipelineError/plan(_:)`` for what is not the JSON of a plan.
  public init(json: String) throws {
    do {
      self = try JSONDecoder().decode(PlanDescription.self, from: Data(json.utf8))
    } catch is DecodingError {
      throw PipelineError.plan("the JSON lacks a key or holds an unknown name")
    }
  }

  /// JSON with sorted keys: the same plan is the same bytes.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }

  /// What stands in front of a line or in a box.
  var title: String {
    switch operation {
    case .stage: name
    case .cut: "% \(name)"
    case .scale: "* \(name)"
    case .fuse: "fuse"
    default: operation.rawValue
    }
  }

  var settingsText: String {
    operation == .fuse ? name : settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
  }

  /// See ``Pipeline/planText``.
  public var text: String {
    var rows: [[String]] = []
    addRows(to: &rows, depth: 0)
    let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = (0..<3).map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }.joined(separator: "  ")
      line += "  " + row[3]
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  private func addRows(to rows: inout [[String]], depth: Int) {
    var details = settingsText
    if operation == .stage {
      details += (details.isEmpty ? "" : " ") + "[\(contentKey.map { String($0.prefix(12)) } ?? "not stored")]"
    }
    rows.append(
      [String(repeating: "  ", count: depth) + title, "\(input.rawValue) -> \(output.rawValue)", kind?.rawValue ?? "", details])
    for part in parts { part.addRows(to: &rows, depth: depth + 1) }
  }
}
