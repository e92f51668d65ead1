"""Django: migrations of its own, the SQL of its querysets, bulk methods, transactions."""
import os
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from io import StringIO
from uuid import UUID

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "USER": os.environ["PGUSER"],
                           "PASSWORD": os.environ["PGPASSWORD"], "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"]}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", __name__],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", SECRET_KEY="flows", USE_TZ=True)
django.setup()

from django.contrib.auth.models import Group, User as Account
from django.contrib.postgres.fields import ArrayField
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import Avg, Case, Count, Exists, F, Max, OuterRef, Q, Subquery, Sum, Value, When, Window
from django.db.models.functions import Coalesce, ExtractYear, Lower, Rank, TruncMonth

from transcript import fails, flow, run, show, show_rows


class Country(models.Model):
    code = models.CharField(max_length=2, primary_key=True)
    name = models.TextField()

    class Meta:
        db_table = "shop_country"


class Customer(models.Model):
    """Its key is a sequence's."""
    name = models.CharField(max_length=40, db_index=True)
    country = models.ForeignKey(Country, models.PROTECT, null=True)
    born = models.DateField(null=True)
    joined = models.DateTimeField(null=True)
    tags = ArrayField(models.TextField(), default=list)
    profile = models.JSONField(default=dict)

    class Meta:
        db_table = "shop_customer"


class Purchase(models.Model):
    """It lives with its customer: so its own key has the customer's in it."""
    token = models.UUIDField()
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="purchases")
    total = models.DecimalField(max_digits=10, decimal_places=2)
    paid = models.BooleanField(default=False)
    spent = models.DurationField(null=True)

    class Meta:
        db_table = "shop_purchase"


PURCHASES = """CREATE TABLE shop_purchase (id bigserial, token uuid NOT NULL, customer_id bigint NOT NULL REFERENCES shop_customer,
    total numeric(10,2) NOT NULL, paid boolean NOT NULL, spent interval, PRIMARY KEY (customer_id, id))"""


def names(queryset):
    show_rows(queryset.values_list("name"))


@flow
def migrations(_):
    out = StringIO()
    call_command("migrate", verbosity=1, no_color=True, stdout=out)
    show_rows([line] for line in out.getvalue().splitlines())
    out = StringIO()
    call_command("showmigrations", "--plan", no_color=True, stdout=out)
    show_rows([line] for line in out.getvalue().splitlines())
    call_command("migrate", "auth", "0011", verbosity=0)
    call_command("migrate", verbosity=0)


@flow
def accounts_and_sessions(_):
    account = Account.objects.create_user("ann", "ann@example.org", "secret", date_joined=datetime(2026, 1, 1, tzinfo=timezone.utc))
    account.groups.add(Group.objects.create(name="staff"))
    show(account.pk, account.check_password("secret"), [group.name for group in account.groups.all()])
    show(sorted(Account.objects.filter(groups__name="staff").values_list("username")), account.has_perm("auth.add_user"))
    from django.contrib.sessions.backends.db import SessionStore
    session = SessionStore()
    session["cart"] = [1, 2]
    session.save()
    show(SessionStore(session.session_key)["cart"])
    session.flush()


@flow
def tables_are_made(_):
    with connection.schema_editor() as editor:
        editor.create_model(Country)
        editor.create_model(Customer)
        editor.execute(PURCHASES)
    with connection.schema_editor() as editor:
        field = models.IntegerField(null=True)
        field.set_attributes_from_name("rating")
        editor.add_field(Customer, field)
        editor.add_index(Customer, models.Index(fields=["born"], name="shop_customer_born"))
        editor.remove_field(Customer, field)
    with connection.cursor() as cursor:
        names_of = connection.introspection
        show(*sorted(table.name for table in names_of.get_table_list(cursor) if table.name.startswith("shop")))
        for table in ("shop_customer", "shop_purchase", "users"):
            for column in names_of.get_table_description(cursor, table):
                show(table, column.name, column.type_code, column.null_ok, column.default)
            show(names_of.get_constraints(cursor, table), names_of.get_relations(cursor, table), names_of.get_sequences(cursor, table))


@flow
def rows_are_created(_):
    Country.objects.bulk_create(Country(code, name) for code, name in (("de", "Germany"), ("fr", "France"), ("jp", "Japan")))
    created = [Customer.objects.create(name=name, country_id=code, born=date(1980 + n, 2, 1 + n), tags=[name[0], code or "none"],
                                       joined=datetime(2026, n + 1, 1, tzinfo=timezone.utc), profile={"n": n, "deep": {"x": [n, None]}})
               for n, (name, code) in enumerate((("Ann", "de"), ("Bob", "fr"), ("Kim", None), ("Leo", "jp"), ("Zoe", "de")))]
    show(*(customer.pk for customer in created))
    more = Customer.objects.bulk_create([Customer(name=f"Bulk {n}") for n in range(12)], batch_size=5)
    show(*(customer.pk for customer in more))
    Purchase.objects.bulk_create([Purchase(token=UUID(int=n), customer=created[n % 5], total=Decimal(n) / 4, paid=n % 3 == 0,
                                           spent=timedelta(minutes=n)) for n in range(30)])
    show(Purchase.objects.count(), Customer.objects.count())
    customer, is_new = Customer.objects.get_or_create(name="Ann", defaults={"country_id": "fr"})
    show(customer.country_id, is_new)
    customer, is_new = Customer.objects.update_or_create(name="New", defaults={"country_id": "fr"})
    show(customer.pk, is_new)
    Country.objects.bulk_create([Country("de", "again"), Country("it", "Italy")], ignore_conflicts=True)
    show_rows(Country.objects.order_by("code").values_list())


@flow
def querysets(_):
    customers = Customer.objects.exclude(name__startswith="Bulk").order_by("name")
    for customer in customers.select_related("country").prefetch_related("purchases"):
        show(customer.pk, customer.name, customer.country and customer.country.name, customer.born, customer.tags, customer.profile,
             len(customer.purchases.all()))
    names(customers.filter(Q(country__name="Germany") | Q(born__year=1981)))
    names(customers.filter(tags__contains=["de"]))
    names(customers.filter(profile__deep__x__0=2))
    names(customers.filter(pk__in=[1, 2, 9999]))
    names(customers.filter(purchases__total__gt=6).distinct())
    names(customers.filter(Exists(Purchase.objects.filter(customer=OuterRef("pk"), paid=True, total__gt=5))))
    names(customers.exclude(purchases__paid=True))
    names(customers.filter(name__icontains="O").reverse()[1:3])
    show(customers.exists(), customers.first().name, customers.last().name, customers.get(name="Leo").pk, customers.none().count())
    show(sorted(Customer.objects.in_bulk([1, 3])), customers.filter(joined__date__gte=date(2026, 3, 1)).count())
    names(customers.filter(country=None).union(customers.filter(name="Zoe")).order_by("name"))


@flow
def aggregates(_):
    show_rows(Customer.objects.values("country").annotate(n=Count("id"), oldest=Max("born")).order_by("country")
              .values_list("country", "n", "oldest"))
    show(Purchase.objects.aggregate(Count("id"), Sum("total"), Avg("total"), Max("spent"), n=Count("customer", distinct=True)))
    show(Purchase.objects.filter(paid=True).aggregate(total=Coalesce(Sum("total"), Decimal(0))))
    show(Customer.objects.aggregate(Avg("born__year")))
    spent = Customer.objects.annotate(spent=Sum("purchases__total"), n=Count("purchases", filter=Q(purchases__paid=True)))
    show_rows(spent.filter(spent__gt=0).order_by("-spent").values_list("name", "spent", "n"))
    show(spent.aggregate(Avg("spent")))
    newest = Purchase.objects.filter(customer=OuterRef("pk")).order_by("-total").values("total")[:1]
    show_rows(Customer.objects.annotate(most=Subquery(newest)).exclude(most=None).order_by("name").values_list("name", "most"))
    ranked = Customer.objects.filter(born__isnull=False).annotate(place=Window(Rank(), order_by=F("born").desc()))
    show_rows(ranked.order_by("place").values_list("name", "place"))
    kind = Case(When(total__gt=5, then=Value("big")), default=Value("small"))
    show_rows(Purchase.objects.annotate(kind=kind).values("kind").annotate(n=Count("id")).order_by("kind").values_list("kind", "n"))
    show_rows(Customer.objects.annotate(month=TruncMonth("joined"), year=ExtractYear("born"), low=Lower("name")).exclude(born=None)
              .values("month").annotate(n=Count("id")).order_by("month").values_list("month", "n"))
    show(Customer.objects.dates("born", "year"), Customer.objects.datetimes("joined", "month"))
    show_rows(Purchase.objects.values_list("paid").annotate(Sum("total"), Avg("total")).order_by("paid"))


@flow
def changes(_):
    show(Customer.objects.filter(name__startswith="Bulk").update(tags=["bulk"]))
    show(Purchase.objects.filter(paid=False).update(total=F("total") + 1))
    show_rows(Purchase.objects.order_by("token").values_list("token", "total"))
    ann = Customer.objects.get(name="Ann")
    ann.profile["n"] = 100
    ann.save()
    ann.refresh_from_db()
    show(ann.profile, ann.joined)
    bulk = list(Customer.objects.filter(name__startswith="Bulk").order_by("id"))
    for n, customer in enumerate(bulk):
        customer.name = f"Changed {n:02}"
        customer.born = date(2000, 1, 1 + n) if n % 2 else None
    Customer.objects.bulk_update(bulk, ["name", "born"], batch_size=5)
    show_rows(Customer.objects.filter(name__startswith="Changed").order_by("name").values_list("name", "born", "tags"))
    show(Customer.objects.filter(name__startswith="Changed").delete())
    show(Customer.objects.get(name="Bob").delete())
    with fails(models.ProtectedError):
        Country.objects.get(code="de").delete()
    show(Purchase.objects.count(), Customer.objects.count())


@flow
def transactions(_):
    with fails():
        with transaction.atomic():
            Customer.objects.filter(name__in=["Ann", "Zoe"]).update(name="Nobody")
            with fails():
                with transaction.atomic():
                    Country.objects.create(code="de", name="twice")
            Country.objects.create(code="ch", name="Switzerland")
            show(Customer.objects.filter(name="Nobody").count())
            Country.objects.create(code="toolong", name="?")
    show(Customer.objects.filter(name="Nobody").count(), Country.objects.filter(code="ch").exists())
    with transaction.atomic():
        show(*Customer.objects.select_for_update().filter(name="Leo").values_list("pk"))
        show(*Customer.objects.select_for_update(of=("self",)).order_by("name").values_list("name")[:2])
        point = transaction.savepoint()
        Customer.objects.filter(name="Leo").delete()
        transaction.savepoint_rollback(point)
    show(Customer.objects.filter(name="Leo").count())


@flow
def classes_of_errors(_):
    for make in (lambda: Country.objects.create(code="de", name="twice"), lambda: Customer.objects.create(name=None),
                 lambda: Customer.objects.create(name="x" * 41), lambda: Country.objects.raw("SELECT nothing FROM shop_country")[0],
                 lambda: Customer.objects.annotate(n=Value(1) / F("id") / 0).order_by("id").values_list("n")[0],
                 lambda: Purchase.objects.create(token=UUID(int=99), customer_id=1, total=Decimal(10) ** 9)):
        with fails():
            with transaction.atomic():
                make()


@flow
def rows_in_parts(_):
    for purchase in Purchase.objects.order_by("token").iterator(chunk_size=4):
        show(purchase.token, purchase.total)
    with transaction.atomic():
        for customer in Customer.objects.order_by("-name").iterator(chunk_size=2):
            show(customer.name, customer.purchases.count())


@flow
def tables_are_emptied_and_dropped(_):
    call_command("flush", interactive=False, verbosity=0)
    show(Account.objects.count())
    show(Customer.objects.count(), Country.objects.count())
    with connection.schema_editor() as editor:
        editor.execute("DROP TABLE shop_purchase")
        editor.delete_model(Customer)
        editor.delete_model(Country)
    call_command("migrate", "auth", "zero", verbosity=0)
    call_command("migrate", "sessions", "zero", verbosity=0)
    call_command("migrate", "contenttypes", "zero", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE django_migrations")
        show(*sorted(connection.introspection.table_names(cursor)))


run(lambda: connection)
