/// A 64-byte aligned buffer that tensors share.
///
/// `@unchecked Sendable`: bytes are written only by the operation that allocates the buffer, before anybody else sees it,
/// or by an owner whose reference is unique.
final class Storage: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  private let block: StorageCache.Block

  /// Uninitialised bytes.
  init(byteCount: Int) {
    self.byteCount = byteCount
    block = StorageCache.shared.take(atLeast: byteCount)
    base = block.base
  }

  deinit { StorageCache.shared.give(block) }
}
