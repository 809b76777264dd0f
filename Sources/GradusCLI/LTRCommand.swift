import ArgumentParser
import Gradus

struct LTRCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ltr",
    abstract: "Learning to rank on features: LETOR and SVMrank files.",
    discussion: """
      A line is a document: GRADE qid:ID NUMBER:VALUE ... # docid = NAME

        gradus ltr train train.txt --architecture lambdamart --out my-trees
        gradus ltr train train.txt --architecture mlp --loss approx-ndcg --out my-network
        gradus ltr predict my-trees test.txt --out trees.run
        gradus evaluate test.txt trees.run -m "nDCG(dcg='exp-log2')@10"

      LightGBM's files, which have no qid, are read with --groups FILE.query.
      """,
    subcommands: [LTRTrainCommand.self, LTRPredictCommand.self])
}
