#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A value whose progress is part of a checkpoint.
///
/// Resuming from a state makes the value go on exactly as the one that the state was taken from, to the bit.
public protocol Resumable {
  associatedtype ResumeState: Codable & Sendable & Equatable

  var resumeState: ResumeState { get throws }

  /// - Throws: where the state was taken from something else than `self` (other data, other settings).
  mutating func resume(from state: ResumeState) throws
}

/// The resume state of something that keeps none.
public struct NoState: Codable, Sendable, Equatable {
  public init() {}
}

extension Resumable where ResumeState == NoState {
  public var resumeState: NoState { NoState() }
  public mutating func resume(from state: NoState) {}
}

extension Resumable {
  /// The state as JSON with sorted keys: equal states give equal bytes.
  func encodedState() throws -> Data { try CheckpointCoding.encoder().encode(try resumeState) }

  mutating func resume(fromEncoded data: Data) throws {
    try resume(from: CheckpointCoding.decoder().decode(ResumeState.self, from: data))
  }
}

/// JSON as checkpoints hold it. Numbers survive to the bit; NaN and infinities (a diverged loss) are kept by name.
enum CheckpointCoding {
  static func encoder() -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }

  static func decoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }
}
