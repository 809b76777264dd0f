import GradusCore

/// The caches of earlier prompts, so that a beginning that prompts share is computed once.
///
///     let prefixes = PrefixCache(maximumTokens: 16_384)
///     for question in questions {
///       let result = try decoder.generate(documents + question, options: options, reusing: prefixes)
///       print(result.counters.cachedTokens)   // 0, then documents.count
///     }
///
/// Results are the same bits with and without it. Safe to use from several threads.
public final class PrefixCache: Sendable {
  /// Tokens that are kept at most, pages that caches share counted for each; the least recently used go first.
  public let maximumTokens: Int
  private let entries = Guarded<[KVCache]>([])

  public init(maximumTokens: Int = 16_384) { self.maximumTokens = maximumTokens }

  /// Tokens that are kept.
  public var tokenCount: Int { entries.withLock { $0.reduce(0) { $0 + $1.count } } }

  /// A cache of the longest kept beginning of `tokens`, leaving at least the last token to compute; empty where none fits.
  public func longestPrefix(of tokens: [Int32], for decoder: LlamaDecoder) -> KVCache {
    let geometry = decoder.geometry
    let found = entries.withLock { entries -> KVCache? in
      var best = 0, place: Int?
      for (index, entry) in entries.enumerated() where entry.geometry == geometry {
        let shared = min(entry.sharedPrefix(with: tokens), tokens.count - 1)
        if shared > best { (best, place) = (shared, index) }
      }
      guard let place else { return nil }
      let entry = entries.remove(at: place)
      entries.append(entry)
      var fork = entry
      fork.cut(to: best)
      return fork
    }
    return found ?? decoder.makeCache()
  }

  /// Keeps a cache. Others that are a beginning of it are dropped.
  ///
  /// Keep caches of prompts, computed in bfloat16: what generation appended in int8 has other bits.
  public func keep(_ cache: KVCache) {
    guard cache.count > 0, cache.count <= maximumTokens else { return }
    entries.withLock { entries in
      entries.removeAll { $0.geometry == cache.geometry && $0.sharedPrefix(with: cache.tokens) == $0.count }
      entries.append(cache)
      var total = entries.reduce(0) { $0 + $1.count }
      while total > maximumTokens { total -= entries.removeFirst().count }
    }
  }

  /// Forgets all beginnings and gives their memory back.
  public func removeAll() { entries.withLock { $0 = [] } }
}
