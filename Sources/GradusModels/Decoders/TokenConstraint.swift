/// A language of token sequences that generation must stay within.
///
///     let constraint = try TokenTrie(titles.map(tokenizer.encode))
///     let result = try decoder.generate(prompt, options: options, constraint: constraint)
///
/// A state stands for what has been generated so far.
public protocol TokenConstraint: Sendable {
  associatedtype State: Sendable
  var initialState: State { get }
  /// What may come next, in ascending order and without repetition; empty where nothing may.
  func allowedTokens(in state: State) -> [Int32]
  /// Whether the sequence may end here.
  func isComplete(_ state: State) -> Bool
  /// The state after one of the allowed tokens.
  func state(after token: Int32, in state: State) -> State
}

/// What becomes of the probability of tokens that a constraint forbids.
public enum ConstraintScoring: Sendable, CaseIterable {
  /// It is lost: log-probabilities are those of the unconstrained model.
  case masked
  /// It is shared out among the allowed tokens.
  case renormalized
}

/// Every sequence is allowed: what generation without a constraint runs with.
struct NoConstraint: TokenConstraint {
  /// All ids of the vocabulary.
  let all: [Int32]
  var initialState: Int { 0 }
  func allowedTokens(in state: Int) -> [Int32] { all }
  func isComplete(_ state: Int) -> Bool { true }
  func state(after token: Int32, in state: Int) -> Int { state }
}

/// A finite set of token sequences, such as the titles of a collection.
///
///     let trie = try TokenTrie([[1, 2], [1, 3], [4]])
///     trie.allowedTokens(in: trie.initialState)   // [1, 4]
///
/// A sequence may be the beginning of another: then it can end or go on.
/// - Complexity: Memory O(tokens); a step O(children).
public struct TokenTrie: TokenConstraint {
  private struct Node: Sendable {
    var tokens: [Int32] = []
    var children: [Int] = []
    /// Numbers of the sequences that end here.
    var sequences: [Int] = []
  }

  private var nodes = [Node()]

  /// - Throws: ``DecoderError/pattern(reason:)`` for no sequence, or an empty one.
  public init(_ sequences: [[Int32]]) throws {
    guard !sequences.isEmpty else { throw DecoderError.pattern(reason: "a trie needs at least one sequence") }
    for (number, sequence) in sequences.enumerated() {
      guard !sequence.isEmpty else { throw DecoderError.pattern(reason: "sequence \(number) of the trie is empty") }
      var node = 0
      for token in sequence {
        let place = nodes[node].tokens.partitioningIndex { $0 >= token }
        if place == nodes[node].tokens.count || nodes[node].tokens[place] != token {
          nodes[node].tokens.insert(token, at: place)
          nodes[node].children.insert(nodes.count, at: place)
          nodes.append(Node())
        }
        node = nodes[node].children[place]
      }
      nodes[node].sequences.append(number)
    }
  }

  public var initialState: Int { 0 }
  public func allowedTokens(in state: Int) -> [Int32] { nodes[state].tokens }
  public func isComplete(_ state: Int) -> Bool { !nodes[state].sequences.isEmpty }

  public func state(after token: Int32, in state: Int) -> Int {
    let place = nodes[state].tokens.partitioningIndex { $0 >= token }
    return nodes[state].children[place]
  }

  /// The numbers of the sequences that are exactly these tokens; several where one was given twice.
  public func sequences(matching tokens: [Int32]) -> [Int] {
    var node = 0
    for token in tokens {
      let place = nodes[node].tokens.partitioningIndex { $0 >= token }
      guard place < nodes[node].tokens.count, nodes[node].tokens[place] == token else { return [] }
      node = nodes[node].children[place]
    }
    return nodes[node].sequences
  }
}

extension Array {
  /// The first index whose element satisfies a predicate that is false, then true.
  func partitioningIndex(where belongs: (Element) -> Bool) -> Int {
    var low = 0, high = count
    while low < high {
      let middle = (low + high) / 2
      if belongs(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
