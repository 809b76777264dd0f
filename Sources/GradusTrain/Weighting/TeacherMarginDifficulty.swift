import GradusCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Easiness by a teacher's scores instead of the first stage's: a pair is easy where the teacher sets its documents far apart.
///
///     phi = sigmoid((t - mean) / (temperature sd))   mean and sd of the teacher's scores of the query
///
/// so that the easiness of a pair grows with the teacher's margin, is 0.5 where it has none, and below that where the teacher
/// disagrees with the labels. Invariant to positive affine maps of the teacher's scores, query by query.
///
///     let heuristic = TeacherMarginDifficulty(teacher: try FirstStageStatistics(run: crossEncoderRun), name: "cross-encoder")
public struct TeacherMarginDifficulty: DifficultyHeuristic, CustomStringConvertible {
  public let teacher: FirstStageStatistics
  public let name: String
  public let temperature: Double

  /// - Parameter name: Of the teacher, for errors and checkpoints.
  /// - Throws: ``WeightingError/parameter(name:found:expected:)``.
  public init(teacher: FirstStageStatistics, name: String, temperature: Double = 1) throws(WeightingError) {
    self.teacher = teacher
    self.name = name
    self.temperature = try WeightingError.positive("the temperature of the teacher's margin", temperature)
  }

  public var description: String { "teacher margin of \(name) at \(temperature)" }

  /// - Throws: ``SamplerError/teacherLacks(teacher:qid:docno:)`` for a pair that the teacher did not score.
  public func signal(qid: String, docno: String, in statistics: FirstStageStatistics) throws -> Double {
    let lacks = SamplerError.teacherLacks(teacher: name, qid: qid, docno: docno)
    guard let query = try? teacher.query(qid) else { throw lacks }
    guard let score = try teacher.scoreInRun(qid: qid, docno: docno) else { throw lacks }
    guard query.standardDeviation > 0 else { return 0.5 }
    let mean = query.scores.reduce(0, +) / Double(query.scores.count)
    return 1 / (1 + exp(-(score - mean) / (temperature * query.standardDeviation)))
  }
}
