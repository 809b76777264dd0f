import Gradus
import Synchronization

/// A kernel with the sizes at which it is measured.
struct KernelCase {
  let name: String
  let shape: String
  /// `fp32`, `bf16` or `int8` where the processor's products are what may limit it.
  let arithmetic: String?
  /// Additions and multiplications of a call.
  let operations: Int
  /// Read and written by a call at least, however near they lie.
  let bytes: Int
  /// Makes what a call needs, and returns the call.
  let make: () -> KernelCall

  static var all: [KernelCase] { encoder + decoder + training + postings }

  /// Seconds of a call in each repeat, while `threads` threads each make their own.
  func measure(threads: Int, repeats: Int, milliseconds: Int) -> [Double] {
    let calls = (0..<threads).map { _ in make() }
    let least = Double(milliseconds) / 1000
    var count = 1
    // As many calls as last long enough; these also warm up.
    while seconds(of: { for _ in 0..<count { calls[0].run() } }) < least, count < 1 << 30 { count *= 2 }
    let callsOfRepeat = count
    return (0..<repeats).map { _ in
      let longest = Guarded(0.0)
      let ready = Atomic<Int>(0)
      WorkerPool.shared.forEach(count: threads) { number in
        // Measured from when all threads are there.
        ready.add(1, ordering: .acquiringAndReleasing)
        while ready.load(ordering: .acquiring) < threads {}
        let time = seconds { for _ in 0..<callsOfRepeat { calls[number].run() } }
        longest.withLock { $0 = max($0, time) }
      }
      return longest.withLock { $0 } / Double(callsOfRepeat)
    }
  }
}

/// A call of a kernel with memory of its own.
final class KernelCall {
  private let memory: KernelMemory
  private let body: (KernelMemory) -> Void

  init(_ memory: KernelMemory = KernelMemory(), _ body: @escaping (KernelMemory) -> Void) {
    self.memory = memory
    self.body = body
  }

  func run() { body(memory) }
}

/// Blocks of memory, aligned to 64 bytes, that live as long as this object.
final class KernelMemory {
  private var blocks: [UnsafeMutableRawPointer] = []
  private var generator = SeededGenerator(seed: 1)

  deinit { for block in blocks { block.deallocate() } }

  /// Zeros.
  func bytes(_ count: Int) -> UnsafeMutableRawPointer {
    let block = UnsafeMutableRawPointer.allocate(byteCount: max(64, count), alignment: 64)
    block.initializeMemory(as: UInt8.self, repeating: 0, count: max(64, count))
    blocks.append(block)
    return block
  }

  func array<Element: BitwiseCopyable>(_ type: Element.Type, _ count: Int) -> UnsafeMutablePointer<Element> {
    bytes(count * MemoryLayout<Element>.stride).bindMemory(to: type, capacity: count)
  }

  /// Uniform in -scale ..< scale.
  func floats(_ count: Int, scale: Float = 1) -> UnsafeMutablePointer<Float> {
    let values = array(Float.self, count)
    for index in 0..<count { values[index] = Float(2 * generator.uniform() - 1) * scale }
    return values
  }
}
