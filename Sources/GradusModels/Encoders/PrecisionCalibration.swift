#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import CGradusKernels
import GradusCore
import GradusFormats

/// Which of fp32 and bf16 is faster on this processor: measured once, in about half a second, then remembered.
///
///     let (precision, _) = try PrecisionCalibration(cacheFolder: "/home/ann/.cache/gradus/cache").fastest()
///
/// int8 is never chosen: it costs quality, and that is the caller's to decide.
public struct PrecisionCalibration {
  /// `precision.json`: processor and kernels to precision.
  public static let fileName = "precision.json"
  private let cacheFolder: String

  public init(cacheFolder: String) { self.cacheFolder = cacheFolder }

  /// The remembered answer for this processor, else a new one, which is remembered where the folder can be written to.
  ///
  /// A processor without instructions for bf16 gets fp32 without a measurement. A cache file that cannot be read is replaced.
  public func fastest() throws -> (precision: NumericPrecision, isMeasured: Bool) {
    guard NumericPrecision.bf16.isNative else { return (.fp32, false) }
    let path = cacheFolder + "/" + Self.fileName
    var known = (try? JSONDecoder().decode([String: NumericPrecision].self, from: Data(contentsOf: URL(filePath: path)))) ?? [:]
    if let precision = known[Self.processor] { return (precision, false) }
    let precision = try measured()
    known[Self.processor] = precision
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    // A home that cannot be written to costs half a second at the next start, and nothing else.
    if (try? Folder.create(cacheFolder)) != nil, let output = try? OutputFile(path: path) {
      try output.write(String(decoding: try encoder.encode(known), as: UTF8.self) + "\n")
      try output.commit()
    }
    return (precision, true)
  }

  /// Of the kernels' speeds: raised when they change, so that nobody goes by what was measured before.
  private static let revision = 2

  /// Name of the processor, revision and level of the kernels.
  static var processor: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    func value(_ key: String) -> String {
      let line = lines.first { $0.hasPrefix(key) }
      return line?.split(separator: ":").last.map { $0.split(separator: " ").joined(separator: " ") } ?? "unknown"
    }
    return "\(value("model name")), family \(value("cpu family")), model \(value("model\t")), "
      + "kernels \(revision).\(grd_encoder_fastest_level().rawValue)"
  }

  /// One layer of MiniLM's size over 1,024 tokens, the better of three passes each, taken in turn.
  private func measured() throws -> NumericPrecision {
    let configuration = BertConfiguration(
      vocabularySize: 64, hiddenSize: 384, intermediateSize: 1536, layerCount: 1, headCount: 12, maximumPositions: 128)
    var generator = SeededGenerator(seed: 1)
    let encoder = BertEncoder(configuration, using: &generator)
    var batch = TokenBatch()
    for _ in 0..<8 { batch.append((0..<128).map { Int32($0 % 64) }) }
    let candidates: [NumericPrecision] = [.fp32, .bf16]
    let encoders = try candidates.map { try FusedBertEncoder(encoder, precision: $0) }
    var best = [Duration](repeating: .seconds(3600), count: candidates.count)
    for _ in 0..<4 {
      for (position, fused) in encoders.enumerated() {
        best[position] = min(best[position], try ContinuousClock().measure { _ = try fused.pooled(batch, .cls) })
      }
    }
    return best[1] < best[0] ? .bf16 : .fp32
  }
}
