import GradusIndex
import Testing

@Suite("BM25 specifications")
struct BM25Tests {
  @Test("Parameters, defaults, spaces and capitals")
  func parsing() throws {
    #expect(try BM25(parsing: "bm25") == BM25(k1: 0.9, b: 0.4))
    #expect(try BM25(parsing: "bm25()") == BM25())
    #expect(try BM25(parsing: "BM25( k1 = 1.2 , b=0.75 )") == BM25(k1: 1.2, b: 0.75))
    #expect(try BM25(parsing: "bm25(b=0)") == BM25(k1: 0.9, b: 0))
    #expect(try BM25(parsing: BM25(k1: 1.5, b: 0.25).description) == BM25(k1: 1.5, b: 0.25))
  }

  @Test("Mistakes are named")
  func mistakes() {
    func failure(_ text: String) -> ModelSpecificationError? {
      do throws(ModelSpecificationError) {
        _ = try BM25(parsing: text)
        return nil
      } catch { return error }
    }
    #expect(failure("bm26(k1=1)") == .unknownModel("bm26", known: ["bm25"]))
    #expect(failure("bm25(k=1)") == .unknownParameter("k", nearest: "k1", known: ["k1", "b"]))
    #expect(failure("bm25(B=1)") == .unknownParameter("B", nearest: "b", known: ["k1", "b"]))
    #expect(failure("bm25(k1=1,k1=2)") == .repeatedParameter("k1"))
    #expect(failure("bm25(k1=much)") == .notANumber(parameter: "k1", text: "much"))
    #expect(failure("bm25(k1=nan)") == .notANumber(parameter: "k1", text: "nan"))
    #expect(failure("bm25(k1)") == .malformed("bm25(k1)"))
    #expect(failure("bm25(k1=1") == .malformed("bm25(k1=1"))
    #expect(failure("bm25(k1=1,)") == .malformed("bm25(k1=1,)"))
    #expect(failure("bm25(k1=-1)") == .outOfRange(parameter: "k1", value: -1, allowed: "a number from 0 up"))
    #expect(failure("bm25(b=1.5)") == .outOfRange(parameter: "b", value: 1.5, allowed: "from 0 to 1"))
  }
}
