import GradusCore

/// Replaces the labels of another sampler's samples by a teacher's scores: distillation.
///
///     let sampler = TeacherLabelledSampler(try PairwiseSampler(run: bm25, qrels: qrels, seed: 7), teacher: crossEncoderRun)
///     let objective = TrainingObjective(MarginMSELoss())
///
/// Which document is positive stays as it was.
public struct TeacherLabelledSampler<Base: TrainingSampler>: TrainingSampler {
  private var base: Base
  private let teacher: String
  private let scores: [String: [String: Double]]

  /// - Parameter teacher: The teacher's scores of the pairs that `base` can draw.
  public init(_ base: Base, teacher: Run) {
    self.base = base
    self.teacher = teacher.name
    scores = Dictionary(
      teacher.rankings.map { ranking in
        (ranking.qid, Dictionary(ranking.documents.map { ($0.docno, $0.score) }, uniquingKeysWith: { first, _ in first }))
      }, uniquingKeysWith: { first, _ in first })
  }

  public var samplesPerPass: Int? { base.samplesPerPass }

  /// - Throws: ``SamplerError/teacherLacks(teacher:qid:docno:)``.
  public mutating func next() throws -> TrainingSample {
    let sample = try base.next()
    let labels = try sample.documents.map { document in
      guard let score = scores[sample.qid]?[document.docno] else {
        throw SamplerError.teacherLacks(teacher: teacher, qid: sample.qid, docno: document.docno)
      }
      return score
    }
    return sample.labelled(labels)
  }

  public var resumeState: Base.ResumeState { get throws { try base.resumeState } }
  public mutating func resume(from state: Base.ResumeState) throws { try base.resume(from: state) }
}
