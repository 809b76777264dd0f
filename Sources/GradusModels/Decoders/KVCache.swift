import CGradusKernels

/// The keys and values of a sequence's tokens, in bfloat16: what a decoder need not compute again.
///
///     var cache = decoder.makeCache()
///     try decoder.append(prefix, to: &cache)
///     var fork = cache                        // costs an array of references; pages are copied when written to
///     try decoder.append(question, to: &fork)
///     try fork.truncate(to: cache.count)      // back to the prefix
///
/// A value: copies share pages of 32 tokens until one of them is written to. Keys are stored after their rotation, so a
/// cache is good for the positions at which it was computed. Memory per token: ``LlamaDecoder/cacheBytesPerToken``.
public struct KVCache: Sendable {
  /// The tokens whose keys and values the cache holds, in order.
  public private(set) var tokens: [Int32] = []
  let geometry: KVGeometry
  private var pages: [KVPage] = []

  init(geometry: KVGeometry) { self.geometry = geometry }

  public var count: Int { tokens.count }

  /// Memory of the pages, shared ones included.
  public var byteCount: Int { pages.count * geometry.pageBytes }

  /// Forgets all tokens from the `count`-th on. O(pages dropped).
  /// - Throws: ``DecoderError/truncation(to:count:)`` where the cache holds fewer.
  public mutating func truncate(to count: Int) throws(DecoderError) {
    guard count >= 0, count <= tokens.count else { throw .truncation(to: count, count: tokens.count) }
    cut(to: count)
  }

  /// As above, for a count that is known to be in range.
  mutating func cut(to count: Int) {
    tokens.removeLast(tokens.count - count)
    pages.removeLast(pages.count - Self.pages(for: count))
  }

  /// How many tokens at the beginning are the same.
  public func sharedPrefix(with other: some Collection<Int32>) -> Int {
    var length = 0
    for (mine, theirs) in zip(tokens, other) {
      if mine != theirs { break }
      length += 1
    }
    return length
  }

  /// Makes room for tokens and makes the pages that they go to this value's own. The tokens count from now on; their keys
  /// and values must be written before anybody reads them.
  mutating func extend(by new: [Int32]) {
    guard !new.isEmpty else { return }
    let first = count / KVGeometry.pageTokens
    if first < pages.count, !isKnownUniquelyReferenced(&pages[first]) { pages[first] = KVPage(copying: pages[first]) }
    tokens += new
    while pages.count < Self.pages(for: count) { pages.append(KVPage(bytes: geometry.pageBytes)) }
  }

  /// The pages' memory, valid while this value or a copy keeps the pages.
  var pagePointers: [UnsafeMutablePointer<UInt16>?] { pages.map(\.elements) }

  private static func pages(for tokens: Int) -> Int { tokens.roundedUp(to: KVGeometry.pageTokens) / KVGeometry.pageTokens }
}

/// The layout of a page: for each layer and each key-value head, the keys, then the values, of 32 tokens.
struct KVGeometry: Sendable, Equatable {
  static let pageTokens = Int(GRD_PANEL)

  /// Which decoder made it.
  let owner: Int
  let layers: Int
  let heads: Int
  let paddedHeadSize: Int

  var elementsPerHead: Int { grd_page_head_elements(paddedHeadSize) }
  var elementsPerLayer: Int { heads * elementsPerHead }
  var pageBytes: Int { layers * elementsPerLayer * 2 }
}

/// Memory of one page. `@unchecked Sendable`: written only by a cache that holds the one reference to it.
private final class KVPage: @unchecked Sendable {
  let elements: UnsafeMutablePointer<UInt16>
  private let bytes: Int

  init(bytes: Int) {
    self.bytes = bytes
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    // Values of tokens that are not there yet are multiplied with 0: they have to be finite.
    elements = memory.initializeMemory(as: UInt16.self, repeating: 0, count: bytes / 2)
  }

  init(copying other: KVPage) {
    bytes = other.bytes
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    memory.copyMemory(from: other.elements, byteCount: bytes)
    elements = memory.bindMemory(to: UInt16.self, capacity: bytes / 2)
  }

  deinit { UnsafeMutableRawPointer(elements).deallocate() }
}
