import CGradusKernels
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension KernelTests {
  @Suite("Kernel pooling")
  struct KernelPoolingTests {
    static func kernelPooling(_ s: [Double], lengths: [Int], width: Int, mu: [Double], sigma: [Double]) -> [Double] {
      lengths.indices.flatMap { row in
        zip(mu, sigma).map { mu, sigma in
          (0..<lengths[row]).reduce(0) { $0 + exp(-pow(s[row * width + $1] - mu, 2) / (2 * sigma * sigma)) }
        }
      }
    }

    @Test("Forward and backward agree with Double references", arguments: [1, 16, 17, 33])
    func kernelPooling(width: Int) {
      let lengths = [width, 0, width / 2], lengths32 = lengths.map(Int32.init), rows = 3
      let mu: [Float] = [1, 0.9, 0.1, -0.5], sigma: [Float] = [0.1, 0.1, 0.1, 0.1]
      let s = uniform(rows * width, seed: 10), dsums = uniform(rows * 4, seed: 11)
      let sums = KernelTests.onEveryInstructionSet {
        var sums = [Float](repeating: .nan, count: rows * 4)
        grd_kernel_pooling_forward(s, lengths32, rows, width, mu, sigma, 4, &sums)
        return sums
      }
      let reference = { (s: [Double]) in
        Self.kernelPooling(s, lengths: lengths, width: width, mu: doubles(mu), sigma: doubles(sigma))
      }
      #expect(largestError(sums, reference(doubles(s))) < 2e-6)
      let ds = KernelTests.onEveryInstructionSet {
        var ds = [Float](repeating: .nan, count: s.count)
        grd_kernel_pooling_backward(s, lengths32, dsums, rows, width, mu, sigma, 4, &ds)
        return ds
      }
      #expect(largestError(ds, numericalGradient(at: doubles(s)) { dot(doubles(dsums), reference($0)) }) < 2e-5)
    }
  }
}
