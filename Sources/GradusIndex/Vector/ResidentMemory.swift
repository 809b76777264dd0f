#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A private copy of a part of a file, on large pages where the system has them: walks through a graph touch memory at random,
/// and small pages make every step look up an address.
///
/// `@unchecked Sendable`: written once, before anyone else sees it.
final class ResidentMemory: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer
  private let base: UnsafeMutableRawPointer
  private static let largePage = 2 << 20

  init(copying source: UnsafeRawBufferPointer) {
    let alignment = source.count >= Self.largePage ? Self.largePage : 64
    base = .allocate(byteCount: max(1, source.count), alignment: alignment)
    #if !canImport(Darwin)
    if source.count >= Self.largePage { madvise(base, source.count, Int32(MADV_HUGEPAGE)) }
    #endif
    if let start = source.baseAddress { base.copyMemory(from: start, byteCount: source.count) }
    bytes = UnsafeRawBufferPointer(start: base, count: source.count)
  }

  deinit { base.deallocate() }
}
