import GradusCore
import GradusTensor
import GradusText

/// What a trained ColBERT has beside its encoder: how it reads queries and documents, and its projection (Khattab and Zaharia,
/// SIGIR 2020; Santhanam et al., NAACL 2022).
///
/// A query is `[CLS] [Q] tokens [SEP]` and then `[MASK]` up to its length; a document is `[CLS] [D] tokens [SEP]`. Every token of
/// a query has a vector, the filling ones, too; documents leave the skip list out.
struct ColBERTCheckpoint {
  struct Side: Equatable {
    /// The token behind the first one; nil for none.
    let marker: Int32?
    /// Tokens in all, the marker and special ones included.
    var length: Int
  }

  var query: Side
  var document: Side
  /// `[MASK]`; nil where queries are not filled up.
  let filler: Int32?
  /// Whether a query's tokens attend to the filling ones.
  let attendsToFiller: Bool
  /// Tokens of documents without a vector.
  let skipped: Set<Int32>
  /// Before queries and documents alike.
  var prompt = ""
  var lowercases = false
  /// Whether white space around texts goes.
  var trims = false
  let projections: [TokenProjection]
  /// In the folder: what decides the vectors.
  let weightFiles: [String]

  func side(_ role: LateInteractionEncoder.Role) -> Side { role == .query ? query : document }

  /// Throws as `InputTokenizer.inputs`.
  func input(
    _ text: String, as role: LateInteractionEncoder.Role, by tokenizer: any InputTokenizer, policy: TruncationPolicy
  ) throws -> TokenizedInput {
    let side = side(role)
    let limits = TokenLimits(maximumTokens: side.length - (side.marker == nil ? 0 : 1), policy: policy)
    var text = prompt + text
    if trims { text = Self.trimmed(text) }
    if lowercases { text = text.lowercased() }
    let plain = try tokenizer.inputs(text, limits: limits)[0]
    var ids = plain.ids
    var segments = plain.segmentIDs
    if let marker = side.marker {
      ids.insert(marker, at: min(1, ids.count))
      segments.insert(0, at: min(1, segments.count))
    }
    if role == .query, let filler {
      let missing = side.length - ids.count
      ids += [Int32](repeating: filler, count: missing)
      segments += [Int32](repeating: 0, count: missing)
    }
    return TokenizedInput(ids: ids, segmentIDs: segments, truncatedTokens: plain.truncatedTokens)
  }

  /// How many of an input's tokens are attended to; nil for all. The special token before the filling ones tells them from
  /// `[MASK]` in the text.
  func attended(_ input: TokenizedInput, as role: LateInteractionEncoder.Role) -> Int? {
    guard role == .query, let filler, !attendsToFiller else { return nil }
    let count = input.ids.count - input.ids.reversed().prefix { $0 == filler }.count
    return count == input.ids.count ? nil : max(1, count)
  }

  private static func trimmed(_ text: String) -> String {
    var part = text.drop(while: \.isWhitespace)
    while part.last?.isWhitespace == true { part.removeLast() }
    return String(part)
  }
}
