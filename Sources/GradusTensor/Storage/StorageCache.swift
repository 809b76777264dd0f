import GradusCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Keeps freed buffers for the next tensor of about the same size, so that a training step does not fault in hundreds of
/// megabytes of fresh pages for its temporaries.
///
/// Sizes are rounded up to eighths of a power of two, which wastes at most an eighth. What is kept stays under `limit`;
/// a buffer that would exceed it goes back to the system.
final class StorageCache: Sendable {
  static let shared = StorageCache(limit: 512 << 20)

  /// `@unchecked Sendable`: a block belongs either to the cache, which guards it by its lock, or to one `Storage`.
  struct Block: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let bytes: Int
  }

  private struct State {
    var free: [Int: [Block]] = [:]
    var cachedBytes = 0
    var liveBytes = 0
    var peakLiveBytes = 0
    var limit: Int
  }

  private let state: Guarded<State>

  init(limit: Int) { state = Guarded(State(limit: limit)) }

  static func roundedSize(_ bytes: Int) -> Int {
    guard bytes > 512 else { return max(64, (bytes + 63) & ~63) }
    let step = 1 << (Int.bitWidth - 1 - (bytes - 1).leadingZeroBitCount - 3)
    return (bytes + step - 1) / step * step
  }

  func take(atLeast bytes: Int) -> Block {
    let size = Self.roundedSize(bytes)
    let reused: Block? = state.withLock { state in
      state.liveBytes += size
      state.peakLiveBytes = max(state.peakLiveBytes, state.liveBytes)
      guard let block = state.free[size]?.popLast() else { return nil }
      state.cachedBytes -= size
      return block
    }
    return reused ?? Block(base: .allocate(byteCount: size, alignment: 64), bytes: size)
  }

  func give(_ block: Block) {
    let isKept = state.withLock { state in
      state.liveBytes -= block.bytes
      guard state.cachedBytes + block.bytes <= state.limit else { return false }
      state.free[block.bytes, default: []].append(block)
      state.cachedBytes += block.bytes
      return true
    }
    if !isKept { block.base.deallocate() }
  }

  func releaseCached() {
    let blocks = state.withLock { state in
      let all = state.free.values.flatMap { $0 }
      state.free = [:]
      state.cachedBytes = 0
      return all
    }
    for block in blocks { block.base.deallocate() }
  }

  var usage: (live: Int, cached: Int, peak: Int) {
    state.withLock { ($0.liveBytes, $0.cachedBytes, $0.peakLiveBytes) }
  }

  var limit: Int {
    get { state.withLock { $0.limit } }
    set { state.withLock { $0.limit = newValue } }
  }
}

/// What tensors hold in memory, for reports and tests.
public enum TensorMemory {
  /// Bytes of all buffers that tensors hold now.
  public static var liveBytes: Int { StorageCache.shared.usage.live }
  /// The most that `liveBytes` has ever been.
  public static var peakLiveBytes: Int { StorageCache.shared.usage.peak }
  /// Bytes of freed buffers that wait for the next tensor.
  public static var cachedBytes: Int { StorageCache.shared.usage.cached }

  /// The most bytes that freed buffers may hold; 512 MiB unless set.
  public static var cacheLimitBytes: Int {
    get { StorageCache.shared.limit }
    set { StorageCache.shared.limit = newValue }
  }

  /// Gives all cached buffers back to the system, for example between training and serving.
  public static func releaseCache() { StorageCache.shared.releaseCached() }
}
