# The exchange for hubs of containers: https://ngshare.readthedocs.io
#
#     docker build -f deploy/image/ngshare.Dockerfile -t REGISTRY/box-office-ngshare:1 deploy/image
#
# ngshare 0.6 loses what it stores under SQLAlchemy 2, so 1.4 it is, and an Alembic of that time.
FROM python:3.12-slim-bookworm

ARG JUPYTERHUB=6.1.1
RUN pip install --no-cache-dir \
    ngshare==0.6.0 "sqlalchemy==1.4.54" "alembic==1.16.5" "jupyterhub==$JUPYTERHUB" \
    && useradd --uid 1000 ngshare
USER ngshare
ENTRYPOINT ["python", "-m", "ngshare"]
