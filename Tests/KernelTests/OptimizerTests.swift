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
  @Suite("Optimizers")
  struct OptimizerTests {
    @Test("Adam and AdamW follow their papers over three steps", arguments: [true, false], KernelTests.sizes)
    func adam(decoupled: Bool, count: Int) {
      let start = uniform(count, seed: 1)
      let gradients = (0..<3).map { uniform(count, seed: UInt64(2 + $0), scale: 3) }
      let options = grd_adam(
        learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1, gradient_scale: 0.5, step: 0,
        decoupled: decoupled ? 1 : 0)
      let result = KernelTests.onEveryInstructionSet {
        var now = options
        var parameter = start, m = [Float](repeating: 0, count: count), v = m
        for gradient in gradients {
          now.step += 1
          grd_adam_update(&now, count, gradient, &parameter, &m, &v)
        }
        return parameter + m + v
      }
      var p = doubles(start), m = [Double](repeating: 0, count: count), v = m
      for (step, gradient) in gradients.enumerated() {
        for i in 0..<count {
          let g = 0.5 * Double(gradient[i]) + (decoupled ? 0 : 0.1 * p[i])
          if decoupled { p[i] -= 0.01 * 0.1 * p[i] }
          m[i] = 0.9 * m[i] + 0.1 * g
          v[i] = 0.999 * v[i] + 0.001 * g * g
          let mHat = m[i] / (1 - pow(0.9, Double(step + 1))), vHat = v[i] / (1 - pow(0.999, Double(step + 1)))
          p[i] -= 0.01 * mHat / (vHat.squareRoot() + 1e-8)
        }
      }
      #expect(largestError(result, p + m + v) < 2e-6)
    }

    @Test("Ranges of parameters are updated as the whole is")
    func ranges() {
      let count = 1000, gradient = uniform(count, seed: 5)
      var options = grd_adam(
        learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1, gradient_scale: 1, step: 1, decoupled: 1)
      let start = uniform(count, seed: 6)
      var whole = start, wholeM = [Float](repeating: 0, count: count), wholeV = wholeM
      grd_adam_update(&options, count, gradient, &whole, &wholeM, &wholeV)
      var parts = start, m = [Float](repeating: 0, count: count), v = m
      gradient.withUnsafeBufferPointer { gradient in
        parts.withUnsafeMutableBufferPointer { parts in
          m.withUnsafeMutableBufferPointer { m in
            v.withUnsafeMutableBufferPointer { v in
              inUnevenPieces(count) { first, count in
                grd_adam_update(
                  &options, count, gradient.baseAddress! + first, parts.baseAddress! + first, m.baseAddress! + first,
                  v.baseAddress! + first)
              }
            }
          }
        }
      }
      #expect(sameBits(whole + wholeM + wholeV, parts + m + v))
    }

    @Test("SGD with momentum, Nesterov's or none", arguments: [(Float(0), 0), (0.9, 0), (0.9, 1)], KernelTests.sizes)
    func sgd(variant: (momentum: Float, nesterov: Int), count: Int) {
      let (momentum, nesterov) = variant
      let start = uniform(count, seed: 7), gradients = [uniform(count, seed: 8), uniform(count, seed: 9)]
      let options = grd_sgd(
        learning_rate: 0.1, momentum: momentum, weight_decay: 0.01, gradient_scale: 2, nesterov: Int32(nesterov))
      let result = KernelTests.onEveryInstructionSet {
        var options = options
        var parameter = start, velocity = [Float](repeating: 0, count: count)
        for gradient in gradients {
          if momentum == 0 { grd_sgd_update(&options, count, gradient, &parameter, nil) }
          else { grd_sgd_update(&options, count, gradient, &parameter, &velocity) }
        }
        return parameter
      }
      var p = doubles(start), velocity = [Double](repeating: 0, count: count)
      for gradient in gradients {
        for i in 0..<count {
          let g = 2 * Double(gradient[i]) + 0.01 * p[i]
          velocity[i] = Double(momentum) * velocity[i] + g
          p[i] -= 0.1 * (nesterov == 1 ? g + Double(momentum) * velocity[i] : velocity[i])
        }
      }
      #expect(largestError(result, p) < 1e-6)
    }

    @Test("Sum of squares: fixed blocks in double", arguments: [0, 1, 17, 4095, 4096, 4097, 10_000])
    func squares(count: Int) {
      let x = uniform(count, seed: 10, scale: 100), block = Int(GRD_SQUARES_BLOCK), blocks = (count + block - 1) / block
      var partials = [Double](repeating: .nan, count: blocks), split = partials
      grd_sum_of_squares(x, count, &partials)
      let exact = doubles(x).reduce(0) { $0 + $1 * $1 }
      #expect(abs(partials.reduce(0, +) - exact) <= 1e-12 * exact)
      x.withUnsafeBufferPointer { x in
        split.withUnsafeMutableBufferPointer { split in
          inUnevenPieces(count, block: block) { grd_sum_of_squares(x.baseAddress! + $0, $1, split.baseAddress! + $0 / block) }
        }
      }
      #expect(partials == split)
    }
  }
}
