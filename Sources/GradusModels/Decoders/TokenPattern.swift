/// A regular language over tokens.
///
///     // "[2] > [1] > [3]": one to nine identifiers
///     let item = TokenPattern.sequence([.token(open), .any(of: digits), .token(close)])
///     let list = TokenPattern.sequence([item, .repeated(.sequence([.token(greater), item]), 0...8)])
///     let constraint = try TokenPatternConstraint(list)
public indirect enum TokenPattern: Sendable, Equatable {
  case token(Int32)
  case any(of: Set<Int32>)
  case sequence([TokenPattern])
  case choice([TokenPattern])
  case repeated(TokenPattern, ClosedRange<Int>)

  /// These tokens in this order.
  public static func literal(_ tokens: [Int32]) -> TokenPattern { .sequence(tokens.map { .token($0) }) }
}

/// Generation that stays within a ``TokenPattern``, by its position automaton (Glushkov, 1961).
///
/// - Complexity: A step is O(positions that may follow). Bounded repetitions are written out.
public struct TokenPatternConstraint: TokenConstraint {
  /// Positions of the pattern that the last token may have matched; nil before the first token.
  public struct State: Sendable, Hashable {
    let positions: [Int]?
  }

  static let maximumPositions = 1 << 16

  private var tokens: [[Int32]] = []
  private var following: [Set<Int>] = []
  private var first: [Int] = []
  private var last: Set<Int> = []
  private var acceptsNothing = false

  /// - Throws: ``DecoderError/pattern(reason:)`` for an empty choice or set, a negative count, or more than 65,536 positions.
  public init(_ pattern: TokenPattern) throws {
    let whole = try add(pattern)
    first = whole.first.sorted()
    last = whole.last
    acceptsNothing = whole.isOptional
  }

  public var initialState: State { State(positions: nil) }

  public func allowedTokens(in state: State) -> [Int32] {
    Set(next(state).flatMap { tokens[$0] }).sorted()
  }

  public func isComplete(_ state: State) -> Bool {
    guard let positions = state.positions else { return acceptsNothing }
    return positions.contains { last.contains($0) }
  }

  public func state(after token: Int32, in state: State) -> State {
    State(positions: next(state).filter { tokens[$0].contains(token) })
  }

  private func next(_ state: State) -> [Int] {
    guard let positions = state.positions else { return first }
    return positions.reduce(into: Set<Int>()) { $0.formUnion(following[$1]) }.sorted()
  }

  private struct Part {
    var first: Set<Int> = []
    var last: Set<Int> = []
    var isOptional = true
  }

  private mutating func add(_ pattern: TokenPattern) throws -> Part {
    switch pattern {
    case .token(let token): return try addPosition([token])
    case .any(let set):
      guard !set.isEmpty else { throw DecoderError.pattern(reason: "a set without tokens matches nothing") }
      return try addPosition(set.sorted())
    case .sequence(let parts):
      var whole = Part()
      for part in parts { whole = join(whole, try add(part)) }
      return whole
    case .choice(let parts):
      guard !parts.isEmpty else { throw DecoderError.pattern(reason: "a choice without alternatives matches nothing") }
      var whole = Part(isOptional: false)
      for part in parts {
        let part = try add(part)
        whole.first.formUnion(part.first)
        whole.last.formUnion(part.last)
        whole.isOptional = whole.isOptional || part.isOptional
      }
      return whole
    case .repeated(let part, let counts):
      guard counts.lowerBound >= 0 else { throw DecoderError.pattern(reason: "a repetition of \(counts.lowerBound) times") }
      var whole = Part()
      for _ in 0..<counts.lowerBound { whole = join(whole, try add(part)) }
      // Of the copies that may be left out, each follows the one before it alone: built from the last, so that the links
      // grow with the copies and not with their square.
      var rest = Part()
      for _ in counts.lowerBound..<counts.upperBound {
        let copy = try add(part)
        for position in copy.last { following[position].formUnion(rest.first) }
        rest.first = copy.isOptional ? rest.first.union(copy.first) : copy.first
        rest.last.formUnion(copy.last)
      }
      return join(whole, rest)
    }
  }

  private mutating func addPosition(_ set: [Int32]) throws -> Part {
    guard tokens.count < Self.maximumPositions else {
      throw DecoderError.pattern(reason: "more than \(Self.maximumPositions) positions; repeat less often")
    }
    tokens.append(set)
    following.append([])
    return Part(first: [tokens.count - 1], last: [tokens.count - 1], isOptional: false)
  }

  private mutating func join(_ left: Part, _ right: Part) -> Part {
    for position in left.last { following[position].formUnion(right.first) }
    return Part(
      first: left.isOptional ? left.first.union(right.first) : left.first,
      last: right.isOptional ? left.last.union(right.last) : right.last, isOptional: left.isOptional && right.isOptional)
  }
}
