"""The admin, and what of Django meets the server nearest: streams, files, faults."""

import sys

from django.contrib import admin
from django.core.signals import request_finished
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from catalogue.models import Product


def finished(**_):
    print("request finished", file=sys.stderr, flush=True)


request_finished.connect(finished)


def prices(request):
    """All prices, a line each, as they come from the database."""
    rows = Product.objects.order_by("name").iterator()
    return StreamingHttpResponse((f"{row.name};{row.price}\n" for row in rows), content_type="text/csv")


def sheet(request, key):
    """The file of a product."""
    return FileResponse(Product.objects.get(pk=key).sheet.open(), as_attachment=True)


def fault(request):
    raise RuntimeError("a fault of a view")


@csrf_exempt
def length(request):
    """How much Django read of what was sent."""
    return HttpResponse(f"{request.META.get('CONTENT_LENGTH') or 'none'} {len(request.body)}")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("prices", prices),
    path("sheet/<int:key>", sheet),
    path("fault", fault),
    path("length", length),
]
