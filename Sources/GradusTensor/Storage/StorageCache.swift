import GradusCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Keeps freed buffers for the next tensors, so that a training step does not fault in hundreds of megabytes of fresh pages for
/// its temporaries.
///
/// Small buffers are kept by size, rounded up to eighths of a power of two; large ones come from a `StorageArena`. What is kept
/// takes at most `limit` bytes of memory; what is more goes back to the system.
final class StorageCache: Sendable {
  static let shared = StorageCache(
    limit: max(512 << 20, ProcessMemory.physicalBytes / 8),
    keepsBuffers: getenv("GRADUS_TENSOR_CACHE").map { String(cString: $0) } != "off")

  /// `@unchecked Sendable`: a block belongs either to the cache, which guards it by its lock, or to one `Storage`.
  struct Block: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let bytes: Int
    /// Where it was cut from; nil for a small one, which the system gave.
    fileprivate let part: StorageArena.Block?
  }

  private struct State {
    var free: [Int: [UnsafeMutableRawPointer]] = [:]
    var arena = StorageArena()
    /// Of the small buffers that are kept.
    var smallBytes = 0
    var liveBytes = 0
    var peakLiveBytes = 0
    var limit: Int

    mutating func count(_ bytes: Int) {
      liveBytes += bytes
      peakLiveBytes = max(peakLiveBytes, liveBytes)
    }
  }

  private let state: Guarded<State>
  /// Where false, every buffer comes from the system and goes back to it, so that an address sanitizer sees its bounds.
  private let keepsBuffers: Bool

  init(limit: Int, keepsBuffers: Bool = true) {
    state = Guarded(State(limit: limit))
    self.keepsBuffers = keepsBuffers
  }

  /// What a small buffer takes.
  static func roundedSize(_ bytes: Int) -> Int {
    guard bytes > 512 else { return max(64, (bytes + 63) & ~63) }
    let step = 1 << (Int.bitWidth - 1 - (bytes - 1).leadingZeroBitCount - 3)
    return (bytes + step - 1) / step * step
  }

  func take(atLeast bytes: Int) -> Block {
    guard keepsBuffers else {
      let size = max(1, bytes)
      state.withLock { $0.count(size) }
      return Block(base: .allocate(byteCount: size, alignment: 64), bytes: size, part: nil)
    }
    guard bytes < StorageArena.smallestBlock else {
      return state.withLock { state in
        let part = state.arena.take(bytes)
        state.count(part.bytes)
        return Block(base: part.base, bytes: part.bytes, part: part)
      }
    }
    let size = Self.roundedSize(bytes)
    let reused: UnsafeMutableRawPointer? = state.withLock { state in
      state.count(size)
      guard let base = state.free[size]?.popLast() else { return nil }
      state.smallBytes -= size
      return base
    }
    return Block(base: reused ?? .allocate(byteCount: size, alignment: 64), bytes: size, part: nil)
  }

  func give(_ block: Block) {
    let isKept = state.withLock { state in
      state.liveBytes -= block.bytes
      if let part = block.part {
        state.arena.give(part)
        state.arena.trim(to: max(0, state.limit - state.smallBytes))
        return true
      }
      guard keepsBuffers, state.smallBytes + state.arena.cachedBytes + block.bytes <= state.limit else { return false }
      state.free[block.bytes, default: []].append(block.base)
      state.smallBytes += block.bytes
      return true
    }
    if !isKept { block.base.deallocate() }
  }

  func releaseCached() {
    let small = state.withLock { state in
      state.arena.trim(to: 0)
      let all = state.free.values.flatMap { $0 }
      state.free = [:]
      state.smallBytes = 0
      return all
    }
    for base in small { base.deallocate() }
  }

  var usage: (live: Int, cached: Int, peak: Int) {
    state.withLock { ($0.liveBytes, $0.smallBytes + $0.arena.cachedBytes, $0.peakLiveBytes) }
  }

  var limit: Int {
    get { state.withLock { $0.limit } }
    set {
      state.withLock { state in
        state.limit = newValue
        state.arena.trim(to: max(0, newValue - state.smallBytes))
      }
    }
  }
}
