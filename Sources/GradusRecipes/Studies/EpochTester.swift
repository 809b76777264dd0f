import GradusCore
import GradusEval
import GradusTrain

/// Measures the test queries after each epoch, for reports: nothing is chosen by what it finds.
final class EpochTester: TrainerHook {
  let groups: [CandidateGroup]
  let qrels: Qrels
  let measure: MeasureSpecification
  let model: String
  private(set) var perEpoch: [[Double]] = []
  private(set) var curves: [StudyCurve]

  init(groups: [CandidateGroup], qrels: Qrels, measure: MeasureSpecification, model: String = "ranker") {
    self.groups = groups
    self.qrels = qrels
    self.measure = measure
    self.model = model
    curves = [StudyCurve("\(measure) on the test queries", xLabel: "epoch"), StudyCurve("training loss", xLabel: "epoch")]
  }

  func afterEpoch(_ trainer: Trainer, record: EpochRecord) throws {
    guard let scorer = trainer.models.first(where: { $0.name == model })?.scorer else { return }
    perEpoch.append(try groups.values(scorer, qrels: qrels, measure: measure))
    curves[0].append(Double(record.epoch + 1), perEpoch.last?.mean ?? 0)
    curves[1].append(Double(record.epoch + 1), record.objectives[0].meanLoss)
  }
}

/// For rankers that look vectors up by name and read no text.
struct NamesAsTexts: TrainingTexts {
  func query(_ qid: String) -> Query { Query(qid: qid, text: "") }
  func document(_ docno: String) -> Document { Document(docno: docno, text: "") }
}
