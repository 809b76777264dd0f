#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import ArgumentParser
import Gradus

/// Writes to standard output. Unlike `print`, says so when the disk is full.
func printOutput(_ text: String) throws {
  try writeText(text, to: "-")
}

/// Writes a small file whole or not at all; `-` is standard output.
func writeText(_ text: String, to path: String) throws {
  let file = try OutputFile(path: path)
  try file.write(text)
  try file.commit()
}

func printToStandardError(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  bytes.withUnsafeBytes { bytes in
    guard let base = bytes.baseAddress else { return }
    // Nobody is left to tell if stderr cannot be written to.
    _ = write(STDERR_FILENO, base, bytes.count)
  }
}

/// `--json`, the same in every subcommand.
struct JSONOption: ParsableArguments {
  @Flag(help: "Print one JSON object instead of text.")
  var json = false
}

/// One line of JSON with sorted keys.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  try printOutput(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
}

/// Wall-clock seconds that `body` takes.
func seconds(of body: () throws -> Void) rethrows -> Double {
  try ContinuousClock().measure(body).inSeconds
}

extension Double {
  /// Fixed decimals, for text; rounded half to even, without a locale.
  func fixed(_ decimals: Int) -> String {
    guard isFinite else { return "\(self)" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(self) * scale).rounded(.toNearestOrEven)
    guard scaled < 1e15 else { return "\(self)" }
    let digits = String(Int(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = self < 0 && scaled > 0 ? "-" : ""
    return decimals == 0 ? sign + padded : sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
  }
}

extension Int {
  /// `1234567` as `1,234,567`.
  var grouped: String {
    var output = ""
    let digits = String(magnitude)
    for (position, digit) in digits.enumerated() {
      if position > 0, (digits.count - position) % 3 == 0 { output.append(",") }
      output.append(digit)
    }
    return self < 0 ? "-" + output : output
  }

  /// `12.3 MB`, in powers of ten.
  var byteText: String {
    switch self {
    case ..<1000: "\(self) B"
    case ..<1_000_000: "\((Double(self) / 1e3).fixed(1)) kB"
    case ..<1_000_000_000: "\((Double(self) / 1e6).fixed(1)) MB"
    default: "\((Double(self) / 1e9).fixed(1)) GB"
    }
  }
}
