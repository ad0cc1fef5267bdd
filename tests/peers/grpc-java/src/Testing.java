import com.google.protobuf.ByteString;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.grpc.testing.integration.Messages.BoolValue;
import io.grpc.testing.integration.Messages.Payload;
import io.grpc.testing.integration.Messages.ResponseParameters;
import io.grpc.testing.integration.Messages.SimpleRequest;
import io.grpc.testing.integration.Messages.SimpleResponse;
import io.grpc.testing.integration.Messages.StreamingInputCallRequest;
import io.grpc.testing.integration.Messages.StreamingInputCallResponse;
import io.grpc.testing.integration.Messages.StreamingOutputCallRequest;
import io.grpc.testing.integration.Messages.StreamingOutputCallResponse;
import io.grpc.testing.integration.TestServiceImpl;
import java.util.concurrent.ScheduledExecutorService;

/** grpc-java's own interop service, and what it leaves out of the compressed cases. */
final class Testing extends TestServiceImpl {
  Testing(ScheduledExecutorService pauses) {
    super(pauses);
  }

  @Override
  public void unaryCall(SimpleRequest request, StreamObserver<SimpleResponse> responses) {
    if (request.hasExpectCompressed() && refuse(request.getExpectCompressed(), responses)) {
      return;
    }
    super.unaryCall(request, responses);
  }

  @Override
  public StreamObserver<StreamingInputCallRequest> streamingInputCall(
      StreamObserver<StreamingInputCallResponse> responses) {
    StreamObserver<StreamingInputCallRequest> requests = super.streamingInputCall(responses);
    return new StreamObserver<>() {
      private boolean refused;

      @Override
      public void onNext(StreamingInputCallRequest request) {
        refused = refused || request.hasExpectCompressed() && refuse(request.getExpectCompressed(), responses);
        requests.onNext(request);
      }

      @Override
      public void onError(Throwable cause) {
        requests.onError(cause);
      }

      @Override
      public void onCompleted() {
        if (!refused) {
          requests.onCompleted();
        }
      }
    };
  }

  @Override
  public void streamingOutputCall(
      StreamingOutputCallRequest request, StreamObserver<StreamingOutputCallResponse> responses) {
    if (request.getResponseParametersList().stream().noneMatch(ResponseParameters::hasCompressed)) {
      super.streamingOutputCall(request, responses);
      return;
    }
    var compressing = (ServerCallStreamObserver<StreamingOutputCallResponse>) responses;
    compressing.setCompression("gzip");
    for (ResponseParameters asked : request.getResponseParametersList()) {
      Payload zeros = Payload.newBuilder().setBody(ByteString.copyFrom(new byte[asked.getSize()])).build();
      compressing.setMessageCompression(asked.getCompressed().getValue());
      compressing.onNext(StreamingOutputCallResponse.newBuilder().setPayload(zeros).build());
    }
    compressing.onCompleted();
  }

  /** Ends the call if its newest request has not the Compressed-Flag that it announces. */
  private static boolean refuse(BoolValue expected, StreamObserver<?> responses) {
    boolean compressed = CompressedFlag.OF_THIS_CALL.get().newest;
    if (compressed == expected.getValue()) {
      return false;
    }
    String difference = "expect_compressed is " + expected.getValue() + ", the Compressed-Flag " + compressed;
    responses.onError(Status.INVALID_ARGUMENT.withDescription(difference).asRuntimeException());
    return true;
  }

  /** The Compressed-Flag of a call's newest request; they are read one at a time, so it is the handler's. */
  static final class CompressedFlag extends ServerStreamTracer {
    static final Context.Key<CompressedFlag> OF_THIS_CALL = Context.key("compressed-flag");

    static final ServerStreamTracer.Factory FACTORY =
        new ServerStreamTracer.Factory() {
          @Override
          public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
            return new CompressedFlag();
          }
        };

    private volatile boolean newest;

    @Override
    public Context filterContext(Context context) {
      return context.withValue(OF_THIS_CALL, this);
    }

    @Override
    public void inboundMessageRead(int sequence, long wireSize, long uncompressedSize) {
      // The size of a message that is still compressed is -1.
      newest = wireSize != uncompressedSize;
    }
  }
}
