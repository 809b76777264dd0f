#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A line on the terminal with rate and time left, for anything that takes longer than a second; silent on a pipe.
///
///     let progress = Progress("indexing", total: documents.count, unit: "passages")
///     for document in documents { add(document); progress.advance() }
///     progress.finish()
public final class Progress: Sendable {
  private struct State {
    var done = 0
    var lastDrawn: Double
    var isDrawn = false
  }

  private let label: String
  private let total: Int?
  private let unit: String
  private let isEnabled: Bool
  private let start: Double
  private let state: Guarded<State>

  /// - Parameter total: Units in all, or nil where that is not known beforehand.
  public init(_ label: String, total: Int?, unit: String, isEnabled: Bool = isatty(2) == 1) {
    self.label = label
    self.total = total
    self.unit = unit
    self.isEnabled = isEnabled
    start = Progress.now()
    state = Guarded(State(lastDrawn: start))
  }

  /// - Parameter part: Where `total` is not known: the part of the work that is done, 0 to 1, if anything else tells it (how
  ///   far a file has been read, say). Asked for only when the line is drawn.
  public func advance(by units: Int = 1, part: @autoclosure () -> Double? = nil) {
    guard isEnabled else { return }
    state.withLock { state in
      state.done += units
      let now = Progress.now()
      guard now - start >= 1, now - state.lastDrawn >= 0.2 else { return }
      state.lastDrawn = now
      state.isDrawn = true
      let line = Progress.line(
        label: label, done: state.done, total: total, unit: unit, seconds: now - start, part: total == nil ? part() : nil)
      Progress.write("\r\u{1B}[K" + line)
    }
  }

  /// Removes the line.
  public func finish() {
    state.withLock { state in
      if state.isDrawn { Progress.write("\r\u{1B}[K") }
      state.isDrawn = false
    }
  }

  /// What is drawn: `indexing  1200/5000 passages  24%  600/s  6 s left`; without `total` as much of it as is known.
  public static func line(
    label: String, done: Int, total: Int?, unit: String, seconds: Double, part: Double? = nil
  ) -> String {
    let rate = seconds > 0 ? Double(done) / seconds : 0
    let rateText = rate >= 10 ? "\(Int(rate))/s" : "\(Double(Int(rate * 10)) / 10)/s"
    guard let total, total > 0 else {
      guard let part, part > 0, part <= 1 else { return "\(label)  \(done) \(unit)  \(rateText)" }
      return "\(label)  \(done) \(unit)  \(Int(part * 100))%  \(rateText)  \(timeLeft(seconds * (1 - part) / part))"
    }
    let left = rate > 0 ? Double(max(0, total - done)) / rate : 0
    return "\(label)  \(done)/\(total) \(unit)  \(done * 100 / total)%  \(rateText)  \(timeLeft(left))"
  }

  private static func timeLeft(_ seconds: Double) -> String {
    seconds >= 90 ? "\(Int(seconds / 60 + 0.5)) min left" : "\(Int(seconds + 0.5)) s left"
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private static func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { descriptorWrite(2, $0) }
  }
}

private func descriptorWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  bytes.baseAddress.map { write(descriptor, $0, bytes.count) } ?? 0
}
