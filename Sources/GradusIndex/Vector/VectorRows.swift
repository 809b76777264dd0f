import CGradusKernels

/// Encoded vectors in memory that grows: what a graph is built on.
final class VectorRows {
  let dimension: Int
  let encoding: VectorEncoding
  let metric: VectorMetric
  let stride: Int
  private(set) var count = 0
  private var capacity = 0
  private(set) var codes: UnsafeMutablePointer<UInt8>
  private(set) var scales: UnsafeMutablePointer<Float>
  private(set) var norms: UnsafeMutablePointer<Float>

  init(dimension: Int, encoding: VectorEncoding, metric: VectorMetric) {
    self.dimension = dimension
    self.encoding = encoding
    self.metric = metric
    stride = encoding.bytes(dimension: dimension)
    codes = Self.bytes(0)
    scales = .allocate(capacity: 0)
    norms = .allocate(capacity: 0)
  }

  deinit {
    UnsafeMutableRawPointer(codes).deallocate()
    scales.deallocate()
    norms.deallocate()
  }

  private static func bytes(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 64).bindMemory(to: UInt8.self, capacity: count)
  }

  /// Memory of a row, in bytes.
  var bytesPerRow: Int { stride + 2 * MemoryLayout<Float>.stride }

  /// Encodes a vector behind those before it.
  func append(_ vector: UnsafeBufferPointer<Float>) {
    if count == capacity { grow() }
    guard let base = vector.baseAddress else { return }
    grd_vector_encode(encoding.kernel, base, vector.count, codes + count * stride, stride, scales + count, norms + count)
    count += 1
  }

  /// Keeps the rows with these numbers, ascending, and forgets the others.
  func keep(_ numbers: [Int]) {
    for (place, number) in numbers.enumerated() where place != number {
      (codes + place * stride).update(from: codes + number * stride, count: stride)
      scales[place] = scales[number]
      norms[place] = norms[number]
    }
    count = numbers.count
  }

  func withKernel<Result>(_ body: (inout grd_vector_rows) throws -> Result) rethrows -> Result {
    var rows = grd_vector_rows(
      encoding: encoding.kernel, measure: metric.kernel, count: count, stride: stride, codes: codes, scales: scales, norms: norms)
    return try body(&rows)
  }

  private func grow() {
    let larger = max(1024, capacity + capacity / 2)
    let newCodes = Self.bytes(larger * stride)
    newCodes.update(from: codes, count: count * stride)
    UnsafeMutableRawPointer(codes).deallocate()
    codes = newCodes
    scales = Self.grown(scales, count, larger)
    norms = Self.grown(norms, count, larger)
    capacity = larger
  }

  private static func grown(_ old: UnsafeMutablePointer<Float>, _ used: Int, _ capacity: Int) -> UnsafeMutablePointer<Float> {
    let new = UnsafeMutablePointer<Float>.allocate(capacity: capacity)
    new.update(from: old, count: used)
    old.deallocate()
    return new
  }
}
