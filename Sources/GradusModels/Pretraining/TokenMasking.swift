import GradusCore

/// Which tokens a masked language model has to guess, and what it sees in their place (Devlin et al., NAACL 2019): some 15 % of
/// a text's tokens, of which 80 % are hidden, 10 % replaced by a random token and 10 % left as they are.
///
///     var masking = TokenMasking()
///     masking.masksWholeWords = true
public struct TokenMasking: Sendable, Equatable, Codable {
  /// Share of a text's tokens that are guessed, specials not counted; at least one.
  public var rate = 0.15
  /// Share of them that are hidden behind the mask token.
  public var maskShare = 0.8
  /// Share of them that are replaced by any token of the vocabulary. The rest stays.
  public var randomShare = 0.1
  /// Whether the pieces of a word are guessed together, as BERT's later release does.
  public var masksWholeWords = false

  public init() {}

  /// What is wrong with the values, or nil.
  public var contradiction: String? {
    if !(rate > 0 && rate <= 1) { return "the rate of masking is \(rate), expected a number above 0, at most 1" }
    if !(maskShare >= 0 && randomShare >= 0 && maskShare + randomShare <= 1) {
      return "the shares of masked and random tokens are \(maskShare) and \(randomShare), expected shares of at most 1 together"
    }
    return nil
  }

  /// A text with gaps.
  struct Masked: Equatable {
    /// What the model sees.
    var ids: [Int32]
    /// Where it has to guess, ascending.
    var positions: [Int]
  }

  /// - Parameters:
  ///   - words: Positions that may be guessed, in units that are guessed together; at least one.
  ///   - vocabulary: Random tokens are below it.
  func masked(
    _ ids: [Int32], words: [[Int]], mask: Int32, vocabulary: Int, using generator: inout SeededGenerator
  ) -> Masked {
    let total = words.reduce(0) { $0 + $1.count }
    let wanted = max(1, Int((rate * Double(total)).rounded()))
    let order = generator.permutation(words.count)
    var chosen: [Int] = []
    for place in order where chosen.count + words[place].count <= wanted { chosen += words[place] }
    // All words are longer than what is wanted.
    if chosen.isEmpty, let first = order.first { chosen = words[first] }
    chosen.sort()
    var seen = ids
    for position in chosen {
      let draw = generator.uniform()
      if draw < maskShare {
        seen[position] = mask
      } else if draw < maskShare + randomShare {
        seen[position] = Int32(generator.integer(below: vocabulary))
      }
    }
    return Masked(ids: seen, positions: chosen)
  }
}
