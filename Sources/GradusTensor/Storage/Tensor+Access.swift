extension Tensor {
  /// The elements in row-major order. Float64 is rounded, truth values become 0 and 1.
  public func floats() -> [Float] {
    defer { keepAlive(self) }
    return switch type {
    case .float32: Array(UnsafeBufferPointer(start: f32, count: count))
    case .float64: (0..<count).map { Float(f64[$0]) }
    case .int32: (0..<count).map { Float(i32[$0]) }
    case .bool: (0..<count).map { Float(u8[$0]) }
    }
  }

  /// The elements in row-major order.
  public func doubles() -> [Double] {
    defer { keepAlive(self) }
    return switch type {
    case .float32: (0..<count).map { Double(f32[$0]) }
    case .float64: Array(UnsafeBufferPointer(start: f64, count: count))
    case .int32: (0..<count).map { Double(i32[$0]) }
    case .bool: (0..<count).map { Double(u8[$0]) }
    }
  }

  /// The elements of an index tensor in row-major order.
  public func indices() -> [Int32] {
    guard type == .int32 else { preconditionFailure("indices() needs an int32 tensor, not \(type) \(shape)") }
    defer { keepAlive(self) }
    return Array(UnsafeBufferPointer(start: i32, count: count))
  }

  /// The elements of a truth-value tensor in row-major order.
  public func bools() -> [Bool] {
    guard type == .bool else { preconditionFailure("bools() needs a bool tensor, not \(type) \(shape)") }
    defer { keepAlive(self) }
    return (0..<count).map { u8[$0] != 0 }
  }

  /// The only element.
  public func item() -> Double {
    guard count == 1 else { preconditionFailure("item() needs exactly one element, not shape \(shape)") }
    return doubles()[0]
  }

  /// Reads the elements of a float32 tensor without a copy. The buffer must not leave `body`.
  public func withUnsafeFloats<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
    guard type == .float32 else { preconditionFailure("withUnsafeFloats needs a float32 tensor, not \(type) \(shape)") }
    defer { keepAlive(self) }
    return try body(UnsafeBufferPointer(start: f32, count: count))
  }

  /// Changes the elements of a float32 tensor in place. Copies first where the buffer is shared, so that other tensors
  /// keep their values; what was recorded before is not undone, so change only tensors that no graph reads.
  public mutating func withUnsafeMutableFloats<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    guard type == .float32 else { preconditionFailure("withUnsafeMutableFloats needs a float32 tensor, not \(type) \(shape)") }
    makeUnique()
    defer { keepAlive(self) }
    return try body(UnsafeMutableBufferPointer(start: f32, count: count))
  }

  /// Gives this tensor a buffer of its own.
  mutating func makeUnique() {
    guard !isKnownUniquelyReferenced(&storage) else { return }
    let copy = Storage(byteCount: storage.byteCount)
    copy.base.copyMemory(from: storage.base, byteCount: storage.byteCount)
    storage = copy
  }

  /// Whether both have the same type, shape and bytes (so -0 differs from 0, and NaN equals itself).
  public func hasSameBits(as other: Tensor) -> Bool {
    guard type == other.type, shape == other.shape else { return false }
    defer { keepAlive(self, other) }
    let length = count * type.byteCount
    return UnsafeRawBufferPointer(start: storage.base, count: length)
      .elementsEqual(UnsafeRawBufferPointer(start: other.storage.base, count: length))
  }
}

extension Tensor: CustomStringConvertible {
  /// Type, shape and up to twelve elements.
  public var description: String {
    let shown = count <= 12 ? doubles() : Array(reshaped(to: [count]).slice(axis: 0, from: 0, to: 12).doubles())
    let values = shown.map { "\($0)" }.joined(separator: ", ")
    return "Tensor(\(type) \(shape)): [\(values)\(count > 12 ? ", ..." : "")]"
  }
}
