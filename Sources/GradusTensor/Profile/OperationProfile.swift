import GradusCore

/// Kinds of work that a training step consists of.
public enum OperationKind: String, Sendable, CaseIterable {
  case productForward = "products, forward"
  case productInput = "products, gradients of inputs"
  case productWeight = "products, gradients of weights"
  case packing = "rounding and packing for bf16"
  case attentionForward = "attention, forward"
  case attentionBackward = "attention, backward"
  case normForward = "layer norm, forward"
  case normBackward = "layer norm, backward"
  case activationBackward = "GELU, backward"
  case dropout = "dropout"
  case elementwise = "element by element"
  case lookup = "look-up, forward and backward"
  case reduction = "sums"
  case accumulation = "gradients added up"
  case optimizer = "optimizer"
  /// What no operation accounts for: tokenizing, recording, allocation.
  case other = "everything else"
}

/// Where the time of a piece of work goes, by kind of operation.
///
///     let profile = OperationProfile()
///     try profile.record { try takeStep() }
///     print(profile.entries)
///
/// An operation that calls others is charged what they leave over, so the seconds add up to those of `record`. Operations
/// without a profile pay for one look at a task-local value. Only operations of the thread that calls `record` are seen;
/// their seconds are wall time with all threads of the pool.
public final class OperationProfile {
  /// All calls of one kind of operation.
  public struct Entry: Sendable, Equatable {
    public let kind: OperationKind
    public let seconds: Double
    public let calls: Int
    /// Multiplications and additions of products; 0 where nobody counts.
    public let flops: Double
  }

  private struct Sum {
    var nanoseconds: UInt64 = 0
    var calls = 0
    var flops = 0.0
  }

  private var sums = [Sum](repeating: Sum(), count: OperationKind.allCases.count)
  /// Nanoseconds of the operations inside each operation that is under way.
  private var inner: [UInt64] = []

  public init() {}

  /// Runs `body` and adds its operations. Calls must not be nested.
  public func record<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Self.$current.withValue(ProfileReference(self)) { try measure(.other, flops: 0, body) }
  }

  /// What was recorded so far, longest first; kinds that did not occur are left out.
  public var entries: [Entry] {
    zip(OperationKind.allCases, sums).filter { $1.calls > 0 }
      .map { Entry(kind: $0, seconds: Double($1.nanoseconds) * 1e-9, calls: $1.calls, flops: $1.flops) }
      .sorted { $0.seconds > $1.seconds }
  }

  @TaskLocal fileprivate static var current: ProfileReference?

  fileprivate func measure<Result>(_ kind: OperationKind, flops: Double, _ body: () throws -> Result) rethrows -> Result {
    inner.append(0)
    let start = ContinuousClock.now
    defer {
      let elapsed = Self.nanoseconds(start.duration(to: .now))
      let others = inner.removeLast()
      let index = OperationKind.allCases.firstIndex(of: kind) ?? 0
      sums[index].nanoseconds += elapsed - min(others, elapsed)
      sums[index].calls += 1
      sums[index].flops += flops
      if !inner.isEmpty { inner[inner.count - 1] += elapsed }
    }
    return try body()
  }

  private static func nanoseconds(_ duration: Duration) -> UInt64 {
    let (seconds, attoseconds) = duration.components
    return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }
}

/// `@unchecked Sendable`: a task-local value has to be; the profile is used by the thread that calls `record` alone, because
/// the pool's threads have no task-local values.
private struct ProfileReference: @unchecked Sendable {
  let profile: OperationProfile

  init(_ profile: OperationProfile) { self.profile = profile }
}

/// Runs `body` and charges it to `kind` where a profile is being recorded.
@inline(__always)
func profiled<Result>(
  _ kind: OperationKind, flops: @autoclosure () -> Double = 0, _ body: () throws -> Result
) rethrows -> Result {
  guard let reference = OperationProfile.current else { return try body() }
  return try reference.profile.measure(kind, flops: flops(), body)
}
