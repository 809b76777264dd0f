#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Synchronization

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
  private let state: Mutex<State>

  /// - Parameter total: Units in all, or nil where that is not known beforehand.
  public init(_ label: String, total: Int?, unit: String, isEnabled: Bool = isatty(2) == 1) {
    self.label = label
    self.total = total
    self.unit = unit
    self.isEnabled = isEnabled
    start = Progress.now()
    state = Mutex(State(lastDrawn: start))
  }

  public func advance(by units: Int = 1) {
    guard isEnabled else { return }
    state.withLock { state in
      state.done += units
      let now = Progress.now()
      guard now - start >= 1, now - state.lastDrawn >= 0.2 else { return }
      state.lastDrawn = now
      state.isDrawn = true
      Progress.write("\r\u{1B}[K" + Progress.line(label: label, done: state.done, total: total, unit: unit, seconds: now - start))
    }
  }

  /// Removes the line.
  public func finish() {
    state.withLock { state in
      if state.isDrawn { Progress.write("\r\u{1B}[K") }
      state.isDrawn = false
    }
  }

  /// What is drawn: `indexing  1200/5000 passages  24%  600/s  6 s left`.
  public static func line(label: String, done: Int, total: Int?, unit: String, seconds: Double) -> String {
    let rate = seconds > 0 ? Double(done) / seconds : 0
    let rateText = rate >= 10 ? "\(Int(rate))/s" : "\(Double(Int(rate * 10)) / 10)/s"
    guard let total, total > 0 else { return "\(label)  \(done) \(unit)  \(rateText)" }
    let left = rate > 0 ? Double(max(0, total - done)) / rate : 0
    let leftText = left >= 90 ? "\(Int(left / 60 + 0.5)) min left" : "\(Int(left + 0.5)) s left"
    return "\(label)  \(done)/\(total) \(unit)  \(done * 100 / total)%  \(rateText)  \(leftText)"
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
