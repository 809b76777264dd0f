/// A dense array of numbers, row-major, with value semantics over a shared buffer.
///
/// Operations run at once and return new tensors. They record themselves for differentiation where an input is
/// ``tracked()``. Shape errors are programmer errors and stop the program with a message that names the shapes.
///
///     let w = Tensor([1, 2, 3, 4], shape: [2, 2]).tracked()
///     let y = matmul(w, w).sum()
///     let gradient = try gradients(of: y, withRespectTo: [w])[0]   // [2, 2]
///
/// Results have the same bits for any number of threads. A copy costs a reference count; buffers come from a cache
/// (``TensorMemory``).
public struct Tensor: Sendable {
  var storage: Storage
  public let shape: [Int]
  public let type: ScalarType
  /// The recorded operation that made this tensor, or the leaf that `tracked()` made; nil for a constant.
  var node: GraphNode?

  public var device: Device { .cpu }
  public var rank: Int { shape.count }
  public var count: Int { shape.product }
  /// Whether gradients with respect to this tensor can be asked for.
  public var isTracked: Bool { node != nil }

  init(storage: Storage, shape: [Int], type: ScalarType, node: GraphNode? = nil) {
    self.storage = storage
    self.shape = shape
    self.type = type
    self.node = node
  }

  /// An uninitialised result for a kernel to write.
  init(uninitialized shape: [Int], type: ScalarType) {
    for extent in shape where extent < 0 { preconditionFailure("a tensor's shape must not be negative: \(shape)") }
    guard shape.count <= 8 else { preconditionFailure("a tensor has at most 8 dimensions, not \(shape.count): \(shape)") }
    self.init(storage: Storage(byteCount: shape.product * type.byteCount), shape: shape, type: type)
  }
}

extension Array where Element == Int {
  var product: Int { reduce(1, *) }
}

// MARK: - Kernel access

extension Tensor {
  var f32: UnsafeMutablePointer<Float> { storage.base.assumingMemoryBound(to: Float.self) }
  var f64: UnsafeMutablePointer<Double> { storage.base.assumingMemoryBound(to: Double.self) }
  var i32: UnsafeMutablePointer<Int32> { storage.base.assumingMemoryBound(to: Int32.self) }
  var u8: UnsafeMutablePointer<UInt8> { storage.base.assumingMemoryBound(to: UInt8.self) }

  var isDouble: Bool { type == .float64 }

  func requireFloatingPoint(_ operation: StaticString) {
    guard type.isFloatingPoint else { preconditionFailure("\(operation) needs float32 or float64, not \(type) \(shape)") }
  }

  func requireSameType(_ other: Tensor, _ operation: StaticString) {
    guard type == other.type else {
      preconditionFailure("\(operation): element types differ: \(type) \(shape) and \(other.type) \(other.shape)")
    }
  }

  /// Turns an axis that may count from the end (-1 is the last) into `0..<rank`.
  func axis(_ axis: Int, _ operation: StaticString) -> Int {
    let resolved = axis < 0 ? axis + rank : axis
    guard resolved >= 0, resolved < rank else { preconditionFailure("\(operation): axis \(axis) of a tensor of shape \(shape)") }
    return resolved
  }
}

/// Keeps buffers alive to the end of the scope that uses their addresses: `defer { keepAlive(a, b) }`.
@inline(never)
func keepAlive(_ tensors: Tensor...) {}
