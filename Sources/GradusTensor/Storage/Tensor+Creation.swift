import CGradusKernels
import GradusCore

extension Tensor {
  /// Float32 values in row-major order.
  public init(_ values: [Float], shape: [Int]) { self.init(copying: values, shape: shape, type: .float32) }

  /// Float64 values in row-major order.
  public init(_ values: [Double], shape: [Int]) { self.init(copying: values, shape: shape, type: .float64) }

  /// Int32 values in row-major order, for use as indices.
  public init(indices: [Int32], shape: [Int]) { self.init(copying: indices, shape: shape, type: .int32) }

  /// Truth values in row-major order.
  public init(mask: [Bool], shape: [Int]) { self.init(copying: mask.map { $0 ? UInt8(1) : 0 }, shape: shape, type: .bool) }

  private init<Element: BitwiseCopyable>(copying values: [Element], shape: [Int], type: ScalarType) {
    guard values.count == shape.product else {
      preconditionFailure("\(values.count) values do not fill a tensor of shape \(shape)")
    }
    self.init(uninitialized: shape, type: type)
    values.withUnsafeBytes { bytes in
      if let source = bytes.baseAddress { storage.base.copyMemory(from: source, byteCount: bytes.count) }
    }
  }

  public static func zeros(_ shape: [Int], type: ScalarType = .float32) -> Tensor {
    let result = Tensor(uninitialized: shape, type: type)
    result.clear()
    return result
  }

  public static func ones(_ shape: [Int], type: ScalarType = .float32) -> Tensor { full(shape, 1, type: type) }

  public static func full(_ shape: [Int], _ value: Double, type: ScalarType = .float32) -> Tensor {
    let result = Tensor(uninitialized: shape, type: type)
    switch type {
    case .float32: grd_tensor_fill_f32(result.f32, result.count, value)
    case .float64: grd_tensor_fill_f64(result.f64, result.count, value)
    case .int32: result.i32.update(repeating: Int32(value), count: result.count)
    case .bool: result.u8.update(repeating: value == 0 ? 0 : 1, count: result.count)
    }
    return result
  }

  /// One number, shape `[]`.
  public static func scalar(_ value: Double, type: ScalarType = .float32) -> Tensor { full([], value, type: type) }

  /// `0, 1, ..., count - 1` as indices.
  public static func range(_ count: Int) -> Tensor { Tensor(indices: (0..<Int32(count)).map { $0 }, shape: [count]) }

  /// Independent normal values with mean 0.
  public static func normal(
    _ shape: [Int], standardDeviation: Double = 1, type: ScalarType = .float32, using generator: inout SeededGenerator
  ) -> Tensor {
    drawn(shape, type: type) { generator.normal() * standardDeviation }
  }

  /// Independent uniform values in `[low, high)`.
  public static func uniform(
    _ shape: [Int], low: Double = 0, high: Double = 1, type: ScalarType = .float32, using generator: inout SeededGenerator
  ) -> Tensor {
    drawn(shape, type: type) { low + (high - low) * generator.uniform() }
  }

  /// Normal values redrawn until within two standard deviations, as BERT's weights are initialised.
  public static func truncatedNormal(
    _ shape: [Int], standardDeviation: Double, type: ScalarType = .float32, using generator: inout SeededGenerator
  ) -> Tensor {
    drawn(shape, type: type) { generator.truncatedNormal(standardDeviation: standardDeviation) }
  }

  private static func drawn(_ shape: [Int], type: ScalarType, _ next: () -> Double) -> Tensor {
    let result = Tensor(uninitialized: shape, type: type)
    defer { keepAlive(result) }
    switch type {
    case .float32: for position in 0..<result.count { result.f32[position] = Float(next()) }
    case .float64: for position in 0..<result.count { result.f64[position] = next() }
    case .int32, .bool: preconditionFailure("random values are float32 or float64, not \(type)")
    }
    return result
  }

  /// Sets all bytes to zero; for a tensor that nobody else has seen.
  func clear() {
    let base = storage.base
    WorkerPool.shared.forEachRange(count: storage.byteCount, grain: 4 << 20) { range in
      (base + range.lowerBound).initializeMemory(as: UInt8.self, repeating: 0, count: range.count)
    }
    keepAlive(self)
  }
}
