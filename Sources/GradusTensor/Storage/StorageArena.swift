#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Large buffers, cut from stretches of address space that the process keeps: best fit, with neighbours joined again when they
/// are freed.
///
/// Batches of real texts all have other lengths, so their tensors all have other sizes. Kept by size, freed buffers would only
/// pile up while every batch faults in fresh pages; joined, they serve the next batch whatever its sizes. The memory is on
/// large pages where the system has them.
///
/// Not safe for several threads: its owner has a lock.
struct StorageArena {
  /// Sizes are multiples of this.
  static let granularity = 1024
  /// No smaller block is cut off: what would be left goes along with the block.
  static let smallestBlock = 32 << 10

  /// A part of a segment, next to other parts of it.
  final class Block {
    let base: UnsafeMutableRawPointer
    fileprivate(set) var bytes: Int
    /// While free: how much of it was written since the system gave it, so that it takes memory. Otherwise without meaning.
    fileprivate var residentBytes: Int
    fileprivate var isFree = false
    fileprivate unowned(unsafe) var previous: Block?
    fileprivate var next: Block?

    fileprivate init(base: UnsafeMutableRawPointer, bytes: Int, residentBytes: Int) {
      self.base = base
      self.bytes = bytes
      self.residentBytes = residentBytes
    }
  }

  /// Free blocks, by size and then by address.
  private var free: [Block] = []
  /// What free blocks take of the machine's memory.
  private(set) var cachedBytes = 0
  /// Of the next segment: untouched address space costs nothing, so segments grow and stay few.
  private var segmentBytes = 64 << 20

  private static let largestSegment = 1 << 30
  private static let largePage = 2 << 20

  static func roundedSize(_ bytes: Int) -> Int { (bytes + granularity - 1) / granularity * granularity }

  /// The smallest free block that holds `bytes`, or one from a new segment.
  mutating func take(_ bytes: Int) -> Block {
    let size = Self.roundedSize(bytes)
    let position = position(ofSize: size)
    let block = position < free.count ? free.remove(at: position) : newSegment(size)
    cachedBytes -= block.residentBytes
    block.isFree = false
    if block.bytes - size >= Self.smallestBlock {
      let rest = Block(base: block.base + size, bytes: block.bytes - size, residentBytes: max(0, block.residentBytes - size))
      rest.previous = block
      rest.next = block.next
      block.next?.previous = rest
      block.next = rest
      block.bytes = size
      keep(rest)
    }
    return block
  }

  mutating func give(_ block: Block) {
    var block = block
    block.residentBytes = block.bytes
    if let next = block.next, next.isFree {
      drop(next)
      absorb(next, into: block)
    }
    if let previous = block.previous, previous.isFree {
      drop(previous)
      absorb(block, into: previous)
      block = previous
    }
    keep(block)
  }

  /// Gives memory of free blocks back to the system, the largest first, until at most `limit` bytes are kept. The address space
  /// stays.
  mutating func trim(to limit: Int) {
    while cachedBytes > limit, let block = free.max(by: { $0.residentBytes < $1.residentBytes }) {
      let page = Int(sysconf(Int32(_SC_PAGESIZE)))
      let start = (Int(bitPattern: block.base) + page - 1) / page * page
      let end = (Int(bitPattern: block.base) + block.bytes) / page * page
      if end > start { madvise(UnsafeMutableRawPointer(bitPattern: start), end - start, Int32(MADV_DONTNEED)) }
      cachedBytes -= block.residentBytes
      block.residentBytes = 0
    }
  }

  private mutating func keep(_ block: Block) {
    block.isFree = true
    cachedBytes += block.residentBytes
    free.insert(block, at: position(ofSize: block.bytes, base: block.base))
  }

  private mutating func drop(_ block: Block) {
    cachedBytes -= block.residentBytes
    free.remove(at: position(ofSize: block.bytes, base: block.base))
  }

  /// `second` follows `first` at once.
  private func absorb(_ second: Block, into first: Block) {
    first.bytes += second.bytes
    first.residentBytes += second.residentBytes
    first.next = second.next
    first.next?.previous = first
    second.next = nil
  }

  /// Where a free block of this size and address stands, or would stand.
  private func position(ofSize bytes: Int, base: UnsafeMutableRawPointer? = nil) -> Int {
    let address = UInt(bitPattern: base)
    var low = 0
    var high = free.count
    while low < high {
      let middle = (low + high) / 2
      let block = free[middle]
      if (block.bytes, UInt(bitPattern: block.base)) < (bytes, address) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// One free block over fresh address space, not kept yet.
  private mutating func newSegment(_ bytes: Int) -> Block {
    let size = (max(bytes, segmentBytes) + Self.largePage - 1) / Self.largePage * Self.largePage
    segmentBytes = min(2 * segmentBytes, Self.largestSegment)
    let base = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: Self.largePage)
    #if !canImport(Darwin)
    madvise(base, size, Int32(MADV_HUGEPAGE))
    #endif
    return Block(base: base, bytes: size, residentBytes: 0)
  }
}
