import CGradusKernels
import GradusCore
import Testing

/// All kernel tests. Those that go through the instruction sets call kernels from their own thread only, which the choice is for.
@Suite("Kernels")
struct KernelTests {
  /// Lengths on both sides of the vector width and of every tile, none at all, and whole model widths.
  static let sizes = [0, 1, 3, 15, 16, 17, 31, 33, 100, 384, 1000]

  static var instructionSets: [grd_isa] {
    [GRD_ISA_PORTABLE, GRD_ISA_AVX2, GRD_ISA_AVX512].filter { isSupported($0) }
  }

  private static func isSupported(_ isa: grd_isa) -> Bool {
    let before = grd_isa_in_use()
    defer { _ = grd_set_isa(before) }
    return grd_set_isa(isa) == GRD_OK
  }

  /// Runs `body` on every instruction set of this machine, expects one set of bits, and returns it.
  static func onEveryInstructionSet(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () -> [Float]
  ) -> [Float] {
    let before = grd_isa_in_use()
    defer { _ = grd_set_isa(before) }
    let results = instructionSets.map { isa in
      #expect(grd_set_isa(isa) == GRD_OK)
      return body()
    }
    for other in results.dropFirst() {
      #expect(sameBits(results[0], other), "an instruction set differs from its portable twin", sourceLocation: sourceLocation)
    }
    return results[results.count - 1]
  }
}

func sameBits(_ a: [Float], _ b: [Float]) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
}

/// Uniform in -scale ..< scale, the same on every run.
func uniform(_ count: Int, seed: UInt64, scale: Double = 1) -> [Float] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in Float((2 * generator.uniform() - 1) * scale) }
}

/// The largest |a - b| / max(1, |b|); infinity where the counts differ or a value is NaN.
func largestError(_ a: [Float], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0.0) { worst, pair in
    let error = abs(Double(pair.0) - pair.1) / max(1, abs(pair.1))
    return error.isNaN ? .infinity : max(worst, error)
  }
}

/// The gradient of `function` at `point` by central differences.
func numericalGradient(at point: [Double], of function: ([Double]) -> Double) -> [Double] {
  let step = 1e-5
  var moved = point
  return point.indices.map { index in
    moved[index] = point[index] + step
    let above = function(moved)
    moved[index] = point[index] - step
    let below = function(moved)
    moved[index] = point[index]
    return (above - below) / (2 * step)
  }
}

func doubles(_ values: [Float]) -> [Double] { values.map(Double.init) }
func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

/// Calls `body(first, count)` for uneven pieces of `0..<count` that begin at multiples of `block`.
func inUnevenPieces(_ count: Int, block: Int = 1, _ body: (_ first: Int, _ count: Int) -> Void) {
  var first = 0, size = block
  while first < count {
    let here = min(size, count - first)
    body(first, here)
    first += here
    size += block
  }
}

extension KernelTests {
  @Suite("Choice of the instruction set")
  struct DispatchTests {
    @Test("The processor's features decide what can be chosen")
    func featuresDecide() {
      let features = grd_cpu_features()
      let hasAVX2 = features & UInt32(GRD_CPU_AVX2) != 0 && features & UInt32(GRD_CPU_FMA) != 0
      let hasAVX512 = hasAVX2 && features & UInt32(GRD_CPU_AVX512) != 0
      #expect(KernelTests.instructionSets.contains(GRD_ISA_AVX2) == hasAVX2)
      #expect(KernelTests.instructionSets.contains(GRD_ISA_AVX512) == hasAVX512)
      #expect(grd_isa_in_use() == KernelTests.instructionSets.last)
    }

    @Test("An unknown instruction set is refused and changes nothing")
    func unknownIsRefused() {
      let before = grd_isa_in_use()
      #expect(grd_set_isa(grd_isa(rawValue: 9)) == GRD_INVALID_ARGUMENT)
      #expect(grd_isa_in_use() == before)
    }
  }
}
