import Synchronization

/// What a backward rule is given.
struct BackwardContext {
  /// Gradient of the result with respect to this operation's output.
  let upstream: Tensor
  /// The operation's output, if it was recorded with `savingOutput`.
  let savedOutput: Tensor?
  /// Which inputs need a gradient; a rule returns nil for the others.
  let needs: [Bool]
  /// Which inputs may be given a row-sparse one: leaves, whose gradient no other rule reads.
  let takesRows: [Bool]

  var output: Tensor {
    guard let savedOutput else { preconditionFailure("the operation was recorded without its output") }
    return savedOutput
  }
}

typealias BackwardRule = (BackwardContext) throws -> [Gradient?]

/// One recorded operation, or a leaf.
///
/// `@unchecked Sendable`: written when recorded and when a backward pass frees it; a graph belongs to the thread that
/// records it, and is handed on to another only between those moments.
final class GraphNode: @unchecked Sendable {
  private static let counter = Atomic<UInt64>(0)

  let operation: StaticString
  /// Position in the order of recording: an operation comes after all its inputs.
  let sequence: UInt64
  var inputs: [GraphNode?]
  var rule: BackwardRule?
  /// The output without its history, so that a node does not keep itself alive.
  var savedOutput: Tensor?
  let isLeaf: Bool

  init(leaf operation: StaticString) {
    self.operation = operation
    sequence = Self.counter.add(1, ordering: .relaxed).newValue
    inputs = []
    isLeaf = true
  }

  init(_ operation: StaticString, inputs: [GraphNode?], savedOutput: Tensor?, rule: @escaping BackwardRule) {
    self.operation = operation
    sequence = Self.counter.add(1, ordering: .relaxed).newValue
    self.inputs = inputs
    self.savedOutput = savedOutput
    self.rule = rule
    isLeaf = false
  }

  /// Forgets what the backward rule would need.
  func release() {
    var pending = inputs
    inputs = []
    rule = nil
    savedOutput = nil
    // Takes a long chain apart in a loop: a recurrent network over thousands of steps would overflow the stack otherwise.
    while var next = pending.popLast() ?? nil {
      guard isKnownUniquelyReferenced(&next), !next.isLeaf else { continue }
      pending.append(contentsOf: next.inputs)
      next.inputs = []
      next.rule = nil
      next.savedOutput = nil
    }
  }

  deinit { release() }
}
