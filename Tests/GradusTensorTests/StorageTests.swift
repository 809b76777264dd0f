import GradusCore
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@testable import GradusTensor

@Suite("Storage of tensors")
struct StorageTests {
  @Test("Small buffers are kept up to the limit and no more")
  func smallBuffers() {
    let cache = StorageCache(limit: 50_000)
    let blocks = (0..<4).map { _ in cache.take(atLeast: 20_000) }
    #expect(cache.usage.live == 4 * StorageCache.roundedSize(20_000))
    for block in blocks { cache.give(block) }
    #expect(cache.usage.live == 0)
    #expect(cache.usage.cached == 2 * StorageCache.roundedSize(20_000))
    #expect(cache.take(atLeast: 19_900).base == blocks[1].base)
    cache.releaseCached()
    #expect(cache.usage.cached == 0)
    for bytes in [0, 1, 64, 513, 1000, 20_000, 32_767] {
      let size = StorageCache.roundedSize(bytes)
      #expect(size >= bytes && (bytes <= 512 || Double(size) <= Double(bytes) * 1.126))
    }
  }

  @Test("Freed neighbours are joined: other sizes get the same memory")
  func joined() {
    let cache = StorageCache(limit: 1 << 30)
    let blocks = (0..<10).map { _ in cache.take(atLeast: 1_000_000) }
    // In an order that needs joining with the block before, with the one after, and with both.
    for index in [0, 2, 1, 9, 8, 5, 3, 4, 7, 6] { cache.give(blocks[index]) }
    #expect(cache.usage.live == 0 && cache.usage.cached >= 10_000_000)
    let kept = cache.usage.cached
    let large = cache.take(atLeast: 9_900_000)
    #expect(large.base == blocks[0].base)
    #expect(cache.usage.cached == kept - large.bytes)
    cache.give(large)
    #expect(cache.usage.cached == kept)
  }

  @Test("A freed block that fits best is taken, not the first or the largest")
  func bestFit() {
    let cache = StorageCache(limit: 1 << 30)
    let sizes = [4_000_000, 100_000, 1_000_000, 100_000, 2_000_000, 100_000]
    let blocks = sizes.map { cache.take(atLeast: $0) }
    for index in [0, 2, 4] { cache.give(blocks[index]) }
    #expect(cache.take(atLeast: 900_000).base == blocks[2].base)
    #expect(cache.take(atLeast: 1_900_000).base == blocks[4].base)
    #expect(cache.take(atLeast: 1_900_000).base == blocks[0].base)
  }

  @Test("What exceeds the limit goes back to the system")
  func trimmed() {
    let cache = StorageCache(limit: 3_000_000)
    let blocks = (0..<5).map { _ in cache.take(atLeast: 1_000_000) }
    for block in blocks { memset(block.base, 7, block.bytes) }
    for block in blocks { cache.give(block) }
    #expect(cache.usage.cached <= 3_000_000)
    cache.releaseCached()
    #expect(cache.usage == (0, 0, cache.usage.peak))
    let again = cache.take(atLeast: 4_000_000)
    memset(again.base, 1, again.bytes)
    cache.give(again)
  }

  @Test("Live blocks never overlap and keep what was written, whatever comes and goes")
  func noOverlap() {
    let cache = StorageCache(limit: 8 << 20)
    var generator = SeededGenerator(seed: 7)
    var live: [(block: StorageCache.Block, mark: UInt8)] = []
    for step in 0..<3000 {
      if live.count < 40 && Bool.random(using: &generator) || live.isEmpty {
        let bytes = Int.random(in: 1...(step % 10 == 0 ? 3_000_000 : 90_000), using: &generator)
        let block = cache.take(atLeast: bytes)
        #expect(block.bytes >= bytes && Int(bitPattern: block.base) % 64 == 0)
        let mark = UInt8(truncatingIfNeeded: step)
        memset(block.base, Int32(mark), block.bytes)
        live.append((block, mark))
      } else {
        let (block, mark) = live.remove(at: Int.random(in: live.indices, using: &generator))
        let bytes = UnsafeRawBufferPointer(start: block.base, count: block.bytes)
        #expect(bytes[0] == mark && bytes[bytes.count / 2] == mark && bytes[bytes.count - 1] == mark)
        cache.give(block)
      }
    }
    #expect(cache.usage.live == live.reduce(0) { $0 + $1.block.bytes })
    for (block, _) in live { cache.give(block) }
    #expect(cache.usage.live == 0 && cache.usage.cached <= 8 << 20)
  }

  @Test("Without keeping, every buffer goes back at once")
  func withoutKeeping() {
    let cache = StorageCache(limit: 1 << 30, keepsBuffers: false)
    let blocks = [10, 1000, 100_000].map { cache.take(atLeast: $0) }
    #expect(blocks.map(\.bytes) == [10, 1000, 100_000] && cache.usage.live == 101_010)
    for block in blocks { cache.give(block) }
    #expect(cache.usage == (0, 0, 101_010))
  }
}
