import CGradusKernels
import GradusCore

/// The gradient of a table of which only some rows were looked up: those rows; all others are zero.
///
///     var store = GradientStore()
///     try store.accumulate(of: embedding(ids).sum(), for: embedding.parameters)
///     if case .rowSparse(let gradient)? = store.gradient(of: embedding.weight) { print(gradient.indices.count, "rows") }
///
/// A batch reads at most as many rows as it has tokens, of a vocabulary's 30,000 or of a catalogue's millions: memory and time
/// follow the batch. Sums, norms and optimizer steps have the bits that they have with the dense form; a zero's sign alone may
/// differ.
public struct RowSparseGradient: Sendable {
  /// Of the whole table: `[rows, width]`.
  public let shape: [Int]
  /// Which rows were looked up: ascending, each once.
  public private(set) var indices: [Int32]
  /// Their gradients, in that order: `[indices.count, width]`.
  public private(set) var rows: Tensor

  /// Of a table that took no part.
  init(zeros shape: [Int], type: ScalarType) {
    self.shape = shape
    indices = []
    rows = .zeros([0, shape[1]], type: type)
  }

  /// Of one look-up. The gradients of a row that was looked up several times add up in the order of the look-ups.
  ///
  /// - Parameters:
  ///   - lookups: Row numbers, within the table.
  ///   - upstream: The gradient of what each gave, `[lookups.count, width]`.
  init(lookups: [Int32], upstream: Tensor, shape: [Int]) {
    self.shape = shape
    (indices, rows) = profiled(.lookup) {
      // The row in the upper half, the look-up in the lower one.
      let order = lookups.enumerated().map { UInt64($1) << 32 | UInt64($0) }.sorted()
      var distinct: [Int32] = []
      var places = [Int32](repeating: 0, count: lookups.count)
      for key in order {
        let row = Int32(key >> 32)
        if distinct.last != row { distinct.append(row) }
        places[Int(key & 0xffff_ffff)] = Int32(distinct.count - 1)
      }
      return (distinct, upstream.indexAdded(Tensor(indices: places, shape: [places.count]), extent: distinct.count))
    }
  }

  private init(shape: [Int], indices: [Int32], rows: Tensor) {
    self.shape = shape
    self.indices = indices
    self.rows = rows
  }

  /// All rows, as a tensor of the table's size.
  public func densified() -> Tensor {
    var table = Tensor.zeros(shape, type: rows.type)
    table.addRows(rows, at: indices)
    return table
  }

  func detached() -> RowSparseGradient { RowSparseGradient(shape: shape, indices: indices, rows: rows.detached()) }

  func multiplied(by factor: Double) -> RowSparseGradient {
    RowSparseGradient(shape: shape, indices: indices, rows: withoutGradients { rows * factor })
  }

  /// `self += scale * other`; the rows of both, in their order.
  mutating func add(_ other: RowSparseGradient, scale: Double = 1) {
    let union = Self.union(indices, other.indices)
    if union.count > indices.count {
      var wider = Tensor.zeros([union.count, shape[1]], type: rows.type)
      wider.addRows(rows, at: Self.places(of: indices, in: union))
      (indices, rows) = (union, wider)
    }
    rows.addRows(other.rows, at: Self.places(of: other.indices, in: indices), scale: scale)
  }

  /// All elements of two ascending lists, ascending, each once.
  private static func union(_ a: [Int32], _ b: [Int32]) -> [Int32] {
    var union: [Int32] = []
    union.reserveCapacity(a.count + b.count)
    var (i, j) = (0, 0)
    while i < a.count || j < b.count {
      let next = j == b.count ? a[i] : i == a.count ? b[j] : min(a[i], b[j])
      union.append(next)
      if i < a.count, a[i] == next { i += 1 }
      if j < b.count, b[j] == next { j += 1 }
    }
    return union
  }

  /// Where the elements of one ascending list stand in another, which holds them all.
  private static func places(of part: [Int32], in whole: [Int32]) -> [Int32] {
    var place = 0
    return part.map { element in
      while whole[place] != element { place += 1 }
      return Int32(place)
    }
  }

  /// Sum of the squares of all elements, with the bits of the dense form's sum: that is made of the sums of blocks, joined for
  /// pieces of `elementGrain` first, and a block of zeros adds nothing.
  func sumOfSquares() -> Double {
    let width = shape[1]
    var pieces: [Int] = []
    for index in indices {
      let first = Int(index) * width / elementGrain, last = ((Int(index) + 1) * width - 1) / elementGrain
      pieces += max(first, (pieces.last ?? -1) + 1)..<(last + 1)
    }
    var partial = [Double](repeating: 0, count: pieces.count)
    partial.withUnsafeMutableBufferPointer { partial in
      let partial = UncheckedBuffer(partial)
      WorkerPool.shared.forEach(count: pieces.count) { partial[$0] = sumOfSquares(piece: pieces[$0]) }
    }
    return partial.reduce(0, +)
  }

  /// Elements that the kernels for sums join at a time.
  private static let sumBlock = 1024

  /// Of the elements that the piece of that number has in the dense form.
  private func sumOfSquares(piece: Int) -> Double {
    let width = shape[1], bytes = rows.type.byteCount
    let elements = piece * elementGrain..<min(shape.product, (piece + 1) * elementGrain)
    let block = Tensor.zeros([Self.sumBlock], type: rows.type)
    defer { keepAlive(rows, block) }
    var place = firstPlace(from: elements.lowerBound / width)
    var total = 0.0
    for start in stride(from: elements.lowerBound, to: elements.upperBound, by: Self.sumBlock) {
      let end = min(start + Self.sumBlock, elements.upperBound)
      var isZero = true
      while place < indices.count, Int(indices[place]) * width < end {
        let row = Int(indices[place]) * width
        let from = max(row, start), to = min(row + width, end)
        (block.storage.base + (from - start) * bytes).copyMemory(
          from: rows.storage.base + (place * width + from - row) * bytes, byteCount: (to - from) * bytes)
        isZero = false
        // The rest of the row is in the next block.
        if row + width > end { break }
        place += 1
      }
      guard !isZero else { continue }
      total +=
        rows.isDouble
        ? grd_tensor_sum_squares_f64(block.f64, end - start) : grd_tensor_sum_squares_f32(block.f32, end - start)
      block.storage.base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.sumBlock * bytes)
    }
    return total
  }

  /// Position of the first of ``indices`` that is at least `row`.
  private func firstPlace(from row: Int) -> Int {
    var (low, high) = (0, indices.count)
    while low < high {
      let middle = (low + high) / 2
      if Int(indices[middle]) < row { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// As ``Gradient/forEachRun(skippingZeroRows:_:)``.
  func forEachRun(skippingZeroRows: Bool, _ body: (_ run: Range<Int>, _ source: Tensor, _ offset: Int) -> Void) {
    let width = shape[1], grain = max(1, elementGrain / width)
    defer { keepAlive(rows) }
    if skippingZeroRows {
      return WorkerPool.shared.forEachRange(count: indices.count, grain: grain) { places in
        for place in places where rows.hasNonzero(in: place * width..<(place + 1) * width) {
          let start = Int(indices[place]) * width
          body(start..<start + width, rows, place * width)
        }
      }
    }
    let zeros = Tensor.zeros([min(shape.product, 4096)], type: rows.type)
    defer { keepAlive(zeros) }
    WorkerPool.shared.forEachRange(count: shape[0], grain: grain) { range in
      var place = firstPlace(from: range.lowerBound)
      var start = range.lowerBound * width
      while start < range.upperBound * width {
        let row = place < indices.count ? min(Int(indices[place]), range.upperBound) : range.upperBound
        while start < row * width {
          let end = min(row * width, start + zeros.count)
          body(start..<end, zeros, 0)
          start = end
        }
        guard row < range.upperBound else { break }
        body(start..<start + width, rows, place * width)
        start += width
        place += 1
      }
    }
  }
}

extension Tensor {
  /// Adds `scale` times the rows of a matrix to the rows `places` of this one, all different; in place where the buffer is not
  /// shared; records nothing.
  mutating func addRows(_ other: Tensor, at places: [Int32], scale: Double = 1) {
    let width = shape[1]
    guard other.shape == [places.count, width], type == other.type else {
      preconditionFailure("cannot add \(places.count) rows of shape \(other.shape) to a matrix of shape \(shape)")
    }
    makeUnique()
    let target = self
    defer { keepAlive(target, other) }
    profiled(.accumulation) {
      WorkerPool.shared.forEachRange(count: places.count, grain: Swift.max(1, elementGrain / Swift.max(1, width))) { range in
        for place in range {
          let to = Int(places[place]) * width, from = place * width
          if target.isDouble {
            grd_tensor_accumulate_f64(target.f64 + to, other.f64 + from, width, scale)
          } else {
            grd_tensor_accumulate_f32(target.f32 + to, other.f32 + from, width, scale)
          }
        }
      }
    }
  }

  /// Whether one of some elements is not zero (or is not a number).
  func hasNonzero(in range: Range<Int>) -> Bool {
    withExtendedLifetime(self) {
      isDouble ? range.contains { f64[$0] != 0 } : range.contains { f32[$0] != 0 }
    }
  }
}
