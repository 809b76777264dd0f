import CGradusKernels
import GradusCore

/// One fused elementwise kernel over two operands, with broadcasting; records nothing.
func combined(_ op: grd_binary_op, _ a: Tensor, _ b: Tensor, operation: StaticString = "a gradient") -> Tensor {
  a.requireFloatingPoint(operation)
  a.requireSameType(b, operation)
  let plan = BroadcastPlan(a.shape, b.shape, operation: operation)
  let result = Tensor(uninitialized: plan.shape, type: a.type)
  defer { keepAlive(a, b, result) }
  profiled(.elementwise) {
    forEachBlock(plan) { rows, columns in
      withUnsafePointer(to: plan.strides) { strides in
        if a.isDouble {
          grd_tensor_binary_f64(
            op, a.f64, b.f64, result.f64, strides, rows.lowerBound, rows.upperBound, columns.lowerBound, columns.count)
        } else {
          grd_tensor_binary_f32(
            op, a.f32, b.f32, result.f32, strides, rows.lowerBound, rows.upperBound, columns.lowerBound, columns.count)
        }
      }
    }
  }
  return result
}

private func compared(_ op: grd_compare_op, _ a: Tensor, _ b: Tensor, _ operation: StaticString) -> Tensor {
  let a = a.type == .int32 ? a.cast(to: .float64) : a
  let b = b.type == .int32 ? b.cast(to: .float64) : b
  a.requireFloatingPoint(operation)
  a.requireSameType(b, operation)
  let plan = BroadcastPlan(a.shape, b.shape, operation: operation)
  let result = Tensor(uninitialized: plan.shape, type: .bool)
  defer { keepAlive(a, b, result) }
  forEachBlock(plan) { rows, columns in
    withUnsafePointer(to: plan.strides) { strides in
      if a.isDouble {
        grd_tensor_compare_f64(
          op, a.f64, b.f64, result.u8, strides, rows.lowerBound, rows.upperBound, columns.lowerBound, columns.count)
      } else {
        grd_tensor_compare_f32(
          op, a.f32, b.f32, result.u8, strides, rows.lowerBound, rows.upperBound, columns.lowerBound, columns.count)
      }
    }
  }
  return result
}

/// Cuts a plan into blocks of about `elementGrain` elements: whole rows, or parts of one row where rows are long.
private func forEachBlock(_ plan: BroadcastPlan, _ body: (Range<Int>, Range<Int>) -> Void) {
  guard plan.rows > 0, plan.width > 0 else { return }
  if plan.width <= elementGrain {
    WorkerPool.shared.forEachRange(count: plan.rows, grain: max(1, elementGrain / plan.width)) { body($0, 0..<plan.width) }
  } else {
    let parts = (plan.width + elementGrain - 1) / elementGrain
    WorkerPool.shared.forEach(count: plan.rows * parts) { piece in
      let row = piece / parts
      let start = piece % parts * elementGrain
      body(row..<row + 1, start..<min(plan.width, start + elementGrain))
    }
  }
}

infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence

extension Tensor {
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    let (left, right) = (a.shape, b.shape)
    return combined(GRD_ADD, a, b, operation: "+").recorded("+", [a, b]) { context in
      [
        context.needs[0] ? context.upstream.reducedToBroadcastSource(left) : nil,
        context.needs[1] ? context.upstream.reducedToBroadcastSource(right) : nil,
      ]
    }
  }

  public static func - (a: Tensor, b: Tensor) -> Tensor {
    let (left, right) = (a.shape, b.shape)
    return combined(GRD_SUBTRACT, a, b, operation: "-").recorded("-", [a, b]) { context in
      [
        context.needs[0] ? context.upstream.reducedToBroadcastSource(left) : nil,
        context.needs[1] ? -context.upstream.reducedToBroadcastSource(right) : nil,
      ]
    }
  }

  public static func * (a: Tensor, b: Tensor) -> Tensor {
    combined(GRD_MULTIPLY, a, b, operation: "*").recorded("*", [a, b]) { context in
      [
        context.needs[0] ? (context.upstream * b).reducedToBroadcastSource(a.shape) : nil,
        context.needs[1] ? (context.upstream * a).reducedToBroadcastSource(b.shape) : nil,
      ]
    }
  }

  public static func / (a: Tensor, b: Tensor) -> Tensor {
    combined(GRD_DIVIDE, a, b, operation: "/").recorded("/", [a, b]) { context in
      let quotient = context.upstream / b
      return [
        context.needs[0] ? quotient.reducedToBroadcastSource(a.shape) : nil,
        context.needs[1] ? -(quotient * (a / b)).reducedToBroadcastSource(b.shape) : nil,
      ]
    }
  }
}

/// `a ^ b`, elementwise; where `b` has a gradient, `a` must be positive.
public func pow(_ a: Tensor, _ b: Tensor) -> Tensor {
  combined(GRD_POW, a, b, operation: "pow").recorded("pow", [a, b], savingOutput: true) { context in
    [
      context.needs[0] ? (context.upstream * b * pow(a, b - 1)).reducedToBroadcastSource(a.shape) : nil,
      context.needs[1] ? (context.upstream * context.output * a.log()).reducedToBroadcastSource(b.shape) : nil,
    ]
  }
}

/// The larger of two values; where they tie, the gradient goes to `a`.
public func maximum(_ a: Tensor, _ b: Tensor) -> Tensor {
  combined(GRD_MAXIMUM, a, b, operation: "maximum").recorded("maximum", [a, b]) { context in
    choiceGradients(context, a.detached() .>= b.detached(), a.shape, b.shape)
  }
}

/// The smaller of two values; where they tie, the gradient goes to `a`.
public func minimum(_ a: Tensor, _ b: Tensor) -> Tensor {
  combined(GRD_MINIMUM, a, b, operation: "minimum").recorded("minimum", [a, b]) { context in
    choiceGradients(context, a.detached() .<= b.detached(), a.shape, b.shape)
  }
}

private func choiceGradients(_ context: BackwardContext, _ isFirst: Tensor, _ a: [Int], _ b: [Int]) -> [Tensor?] {
  let zero = Tensor.zeros([], type: context.upstream.type)
  return [
    context.needs[0] ? select(isFirst, context.upstream, zero).reducedToBroadcastSource(a) : nil,
    context.needs[1] ? select(isFirst, zero, context.upstream).reducedToBroadcastSource(b) : nil,
  ]
}

/// `mask ? a : b`, elementwise, with broadcasting of all three. `mask` holds truth values.
public func select(_ mask: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
  guard mask.type == .bool else { preconditionFailure("select needs a bool mask, not \(mask.type) \(mask.shape)") }
  a.requireFloatingPoint("select")
  a.requireSameType(b, "select")
  let both = BroadcastPlan(a.shape, b.shape, operation: "select")
  let shape = BroadcastPlan(both.shape, mask.shape, operation: "select").shape
  let mask = mask.expanded(to: shape)
  let (left, right) = (a.shape, b.shape)
  let (x, y) = (a.detached().expanded(to: shape), b.detached().expanded(to: shape))
  let result = Tensor(uninitialized: shape, type: a.type)
  defer { keepAlive(mask, x, y, result) }
  WorkerPool.shared.forEachRange(count: result.count, grain: elementGrain) { range in
    let start = range.lowerBound
    if result.isDouble {
      grd_tensor_select_f64(mask.u8 + start, x.f64 + start, y.f64 + start, result.f64 + start, range.count)
    } else {
      grd_tensor_select_f32(mask.u8 + start, x.f32 + start, y.f32 + start, result.f32 + start, range.count)
    }
  }
  return result.recorded("select", [a, b]) { context in choiceGradients(context, mask, left, right) }
}

// MARK: - Comparisons: truth values, no gradient

extension Tensor {
  public static func .== (a: Tensor, b: Tensor) -> Tensor { compared(GRD_EQUAL, a, b, ".==") }
  public static func .!= (a: Tensor, b: Tensor) -> Tensor { compared(GRD_NOT_EQUAL, a, b, ".!=") }
  public static func .< (a: Tensor, b: Tensor) -> Tensor { compared(GRD_LESS, a, b, ".<") }
  public static func .<= (a: Tensor, b: Tensor) -> Tensor { compared(GRD_LESS_EQUAL, a, b, ".<=") }
  public static func .> (a: Tensor, b: Tensor) -> Tensor { compared(GRD_LESS, b, a, ".>") }
  public static func .>= (a: Tensor, b: Tensor) -> Tensor { compared(GRD_LESS_EQUAL, b, a, ".>=") }

  /// Truth values that hold in both; shapes must be equal.
  public func and(_ other: Tensor) -> Tensor { logical(other, "and") { $0 & $1 } }
  /// Truth values that hold in either; shapes must be equal.
  public func or(_ other: Tensor) -> Tensor { logical(other, "or") { $0 | $1 } }
  /// The opposite truth values.
  public func not() -> Tensor { logical(self, "not") { own, _ in 1 - own } }

  private func logical(_ other: Tensor, _ operation: StaticString, _ body: (UInt8, UInt8) -> UInt8) -> Tensor {
    guard type == .bool, other.type == .bool, shape == other.shape else {
      preconditionFailure("\(operation) needs bool tensors of one shape, not \(type) \(shape) and \(other.type) \(other.shape)")
    }
    let result = Tensor(uninitialized: shape, type: .bool)
    defer { keepAlive(self, other, result) }
    for position in 0..<count { result.u8[position] = body(u8[position], other.u8[position]) }
    return result
  }
}
