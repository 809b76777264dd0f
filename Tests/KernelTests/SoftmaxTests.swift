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
  @Suite("Softmax")
  struct SoftmaxTests {
    static func softmax(_ x: [Double], lengths: [Int], width: Int) -> [Double] {
      var y = [Double](repeating: 0, count: x.count)
      for (row, length) in lengths.enumerated() {
        let values = x[row * width..<row * width + length]
        let top = values.max() ?? 0
        let total = values.reduce(0) { $0 + exp($1 - top) }
        for j in 0..<length { y[row * width + j] = exp(x[row * width + j] - top) / total }
      }
      return y
    }

    static func logSoftmax(_ x: [Double], lengths: [Int], width: Int) -> [Double] {
      zip(softmax(x, lengths: lengths, width: width), 0...).map { $1 % width < lengths[$1 / width] ? log($0) : 0 }
    }

    @Test("Forward agrees with Double on every row length", arguments: [1, 3, 15, 16, 17, 31, 33, 100, 384, 1000])
    func forward(width: Int) {
      let lengths = [width, 0, 1, width / 2, (width + 1) / 2], rows = lengths.count, lengths32 = lengths.map(Int32.init)
      let x = uniform(rows * width, seed: 1, scale: 20)
      let y = KernelTests.onEveryInstructionSet {
        var y = [Float](repeating: .nan, count: x.count)
        grd_softmax_forward(x, lengths32, rows, width, &y)
        return y
      }
      #expect(largestError(y, Self.softmax(doubles(x), lengths: lengths, width: width)) < 1e-6)
      let logs = KernelTests.onEveryInstructionSet {
        var y = [Float](repeating: .nan, count: x.count)
        grd_log_softmax_forward(x, lengths32, rows, width, &y)
        return y
      }
      let beyond = logs.indices.filter { $0 % width >= lengths[$0 / width] }
      #expect(beyond.allSatisfy { logs[$0] == -.infinity })
      let shown = logs.map { $0 == -.infinity ? 0 : $0 }
      #expect(largestError(shown, Self.logSoftmax(doubles(x), lengths: lengths, width: width)) < 2e-6)

      var all = [Float](repeating: .nan, count: x.count), full = all
      grd_softmax_forward(x, nil, rows, width, &all)
      grd_softmax_forward(x, [Int32](repeating: Int32(width), count: rows), rows, width, &full)
      #expect(sameBits(all, full))
    }

    @Test("Backward agrees with finite differences in Double", arguments: [3, 17, 33, 50])
    func backward(width: Int) {
      let lengths = [width, 0, width / 2], rows = lengths.count, lengths32 = lengths.map(Int32.init)
      let x = uniform(rows * width, seed: 2, scale: 2), dy = uniform(rows * width, seed: 3)
      for isLog in [false, true] {
        let dx = KernelTests.onEveryInstructionSet {
          var y = [Float](repeating: .nan, count: x.count), dx = y
          if isLog {
            grd_log_softmax_forward(x, lengths32, rows, width, &y)
            grd_log_softmax_backward(y, dy, lengths32, rows, width, &dx)
          } else {
            grd_softmax_forward(x, lengths32, rows, width, &y)
            grd_softmax_backward(y, dy, lengths32, rows, width, &dx)
          }
          return dx
        }
        let numerical = numericalGradient(at: doubles(x)) { point in
          let forward = isLog ? Self.logSoftmax : Self.softmax
          return dot(doubles(dy), forward(point, lengths, width))
        }
        #expect(largestError(dx, numerical) < 1e-5)
      }
    }

    @Test("Large scores do not overflow and equal scores share evenly")
    func extremes() {
      var y = [Float](repeating: .nan, count: 4)
      grd_softmax_forward([1e30, 1e30, -1e30, -1e30], nil, 1, 4, &y)
      #expect(y == [0.5, 0.5, 0, 0])
      grd_log_softmax_forward([5, 5, 5, 5], nil, 1, 4, &y)
      #expect(largestError(y, [Double](repeating: -log(4), count: 4)) < 1e-6)
    }
  }
}
