/// What a call of ``LlamaDecoder/append(_:to:computing:arithmetic:)`` returns besides the longer cache.
///
/// Positions count the call's tokens from 0, not the sequence's.
public struct DecoderRequest: Sendable, Equatable {
  /// Positions whose next-token logits are wanted.
  public var logits: [Int]
  /// Positions whose normalised last hidden state is wanted.
  public var hiddenStates: [Int]
  public var attention: AttentionRequest?

  public init(logits: [Int] = [], hiddenStates: [Int] = [], attention: AttentionRequest? = nil) {
    self.logits = logits
    self.hiddenStates = hiddenStates
    self.attention = attention
  }

  /// Only the cache: the output layer is not computed.
  public static let nothing = DecoderRequest()
}

/// Which attention weights to sum.
///
/// In-context re-ranking adds up what the query's tokens attend to in each document of one prompt:
///
///     var cache = decoder.makeCache()
///     try decoder.append(documents, to: &cache)
///     let request = AttentionRequest(positions: query.indices, of: decoder.configuration)
///     let rows = try decoder.append(query, to: &cache, computing: DecoderRequest(attention: request)).attention
///     let weight = rows.map { $0[document].reduce(0, +) }.reduce(0, +)   // document: its positions in the prompt
///
/// The command has no option for it: weights mean something only by the positions of the documents in the prompt, and for the
/// prompt's maker, who knows them.
public struct AttentionRequest: Sendable, Equatable {
  /// The query tokens, as positions of the call.
  public var positions: Range<Int>
  /// For each chosen layer its query heads; an absent layer is not looked at.
  public var heads: [Int: Set<Int>]

  public init(positions: Range<Int>, heads: [Int: Set<Int>]) {
    self.positions = positions
    self.heads = heads
  }

  /// All heads of some layers; nil: of all.
  public init(positions: Range<Int>, layers: Range<Int>? = nil, of configuration: DecoderConfiguration) {
    let all = Set(0..<configuration.headCount)
    self.init(
      positions: positions,
      heads: Dictionary(uniqueKeysWithValues: (layers ?? 0..<configuration.layerCount).map { ($0, all) }))
  }
}

/// The results of one call.
public struct DecoderOutput: Sendable, Equatable {
  /// For each requested position, `[vocabularySize]`.
  public var logits: [[Float]] = []
  /// For each requested position, `[hiddenSize]`.
  public var hiddenStates: [[Float]] = []
  /// For each requested query token, the weight of every position of the sequence, summed over the chosen layers and heads:
  /// a row's sum is their number. Positions after the token weigh 0.
  public var attention: [[Float]] = []
}
