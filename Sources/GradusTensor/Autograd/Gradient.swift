import GradusCore

/// The gradient of a parameter: of all its elements, or, for a table of which few rows were looked up, of those rows alone.
///
/// Row-sparse gradients come from ``Tensor/indexSelect(_:axis:)`` of rows of a matrix with more rows than are looked up, and of
/// matrices that a loss does not depend on at all. A sum of both kinds is dense: a table that is also multiplied with, such as
/// word embeddings tied to the output of a language model, has a dense gradient.
public enum Gradient: Sendable {
  case dense(Tensor)
  case rowSparse(RowSparseGradient)

  /// The parameter's.
  public var shape: [Int] {
    switch self {
    case .dense(let tensor): tensor.shape
    case .rowSparse(let sparse): sparse.shape
    }
  }

  public var isRowSparse: Bool { sparse != nil }

  /// All elements: of a row-sparse gradient, a new tensor of the table's size.
  public func densified() -> Tensor {
    switch self {
    case .dense(let tensor): tensor
    case .rowSparse(let sparse): sparse.densified()
    }
  }

  func detached() -> Gradient {
    switch self {
    case .dense(let tensor): .dense(tensor.detached())
    case .rowSparse(let sparse): .rowSparse(sparse.detached())
    }
  }

  func multiplied(by factor: Double) -> Gradient {
    switch self {
    case .dense(let tensor): .dense(withoutGradients { tensor * factor })
    case .rowSparse(let sparse): .rowSparse(sparse.multiplied(by: factor))
    }
  }

  // Copies of what is inside. Bound from these, and with the gradient let go of, a sum is the only owner of its buffer and
  // changes in place.
  private var tensor: Tensor? { if case .dense(let tensor) = self { tensor } else { nil } }
  var sparse: RowSparseGradient? { if case .rowSparse(let sparse) = self { sparse } else { nil } }

  /// `self += scale * other`, in place where the buffer is not shared.
  mutating func add(_ other: Gradient, scale: Double = 1) {
    if var sum = tensor {
      self = other
      switch other {
      case .dense(let part): sum.add(part, scale: scale)
      case .rowSparse(let part): sum.addRows(part.rows, at: part.indices, scale: scale)
      }
      self = .dense(sum)
    } else if var sum = sparse {
      self = other
      switch other {
      case .dense(let part):
        var table = sum.densified()
        table.add(part, scale: scale)
        self = .dense(table)
      case .rowSparse(let part):
        sum.add(part, scale: scale)
        self = .rowSparse(sum)
      }
    }
  }

  func sumOfSquares() -> Double {
    switch self {
    case .dense(let tensor): tensor.sumOfSquares()
    case .rowSparse(let sparse): sparse.sumOfSquares()
    }
  }

  /// Calls `body` on several threads with runs of the parameter's elements, in pieces that depend on shapes alone.
  ///
  /// - Parameters:
  ///   - skippingZeroRows: Leaves out those rows of a matrix whose gradient is zero throughout.
  ///   - body: Gets a run and where its gradient stands: in `source`, which lives as long as the call, from `offset` on.
  func forEachRun(skippingZeroRows: Bool, _ body: (_ run: Range<Int>, _ source: Tensor, _ offset: Int) -> Void) {
    switch self {
    case .rowSparse(let sparse): sparse.forEachRun(skippingZeroRows: skippingZeroRows, body)
    case .dense(let tensor) where skippingZeroRows && tensor.rank == 2 && tensor.shape[1] > 0:
      defer { keepAlive(tensor) }
      let width = tensor.shape[1]
      WorkerPool.shared.forEachRange(count: tensor.shape[0], grain: max(1, elementGrain / width)) { rows in
        for row in rows {
          let run = row * width..<(row + 1) * width
          if tensor.hasNonzero(in: run) { body(run, tensor, run.lowerBound) }
        }
      }
    case .dense(let tensor):
      defer { keepAlive(tensor) }
      WorkerPool.shared.forEachRange(count: tensor.count, grain: elementGrain) { body($0, tensor, $0.lowerBound) }
    }
  }
}
